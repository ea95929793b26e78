;; What makes a program of the zeroperl library: `_start`, which runs Perl on the arguments of the
;; container, and the one import of the library that is not WASI.
;;
;; Merged with the library under the name `env`, whose import it answers.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "zeroperl" "memory" (memory 1))
  (import "zeroperl" "_initialize" (func $initialize))
  (import "zeroperl" "malloc" (func $malloc (param i32) (result i32)))
  (import "zeroperl" "zeroperl_init_with_args" (func $perl (param i32 i32) (result i32)))
  (import "zeroperl" "zeroperl_flush" (func $flush (result i32)))
  (import "zeroperl" "zeroperl_free_interpreter" (func $free_interpreter))

  ;; Perl code may call back into a JavaScript host; there is none.
  (func (export "call_host_function") (param i32 i32 i32) (result i32)
    (i32.const 0))

  (func (export "_start")
    (local $sizes i32) (local $count i32) (local $arguments i32) (local $status i32)
    ;; It traps when it is called again, so it is not exported from the whole.
    (call $initialize)

    (local.set $sizes (call $allocate (i32.const 8)))
    (call $demand (call $args_sizes_get (local.get $sizes) (i32.add (local.get $sizes) (i32.const 4))))
    (local.set $count (i32.load (local.get $sizes)))

    ;; The pointers, one more for argv[0] if there are no arguments at all, and the null at the end.
    (local.set $arguments (call $allocate (i32.mul (i32.add (local.get $count) (i32.const 2)) (i32.const 4))))
    (call $demand (call $args_get
      (local.get $arguments)
      (call $allocate (i32.add (i32.load offset=4 (local.get $sizes)) (i32.const 1)))))
    (if (i32.eqz (local.get $count)) (then (local.set $count (i32.const 1))))
    (i32.store
      (i32.add (local.get $arguments) (i32.mul (local.get $count) (i32.const 4)))
      (i32.const 0))
    (i32.store (local.get $arguments) (call $name))

    (local.set $status (call $perl (local.get $count) (local.get $arguments)))
    ;; Whatever the status: what Perl has buffered is lost otherwise.
    (drop (call $flush))
    (call $free_interpreter)
    (call $proc_exit (local.get $status)))

  ;; "zeroperl" and its null: by that name the library finds the Perl modules that it carries.
  (func $name (result i32)
    (local $name i32)
    (local.set $name (call $allocate (i32.const 9)))
    (i64.store align=1 (local.get $name) (i64.const 0x6c7265706f72657a))
    (i32.store8 offset=8 (local.get $name) (i32.const 0))
    (local.get $name))

  (func $allocate (param $bytes i32) (result i32)
    (local $address i32)
    (local.set $address (call $malloc (local.get $bytes)))
    (if (i32.eqz (local.get $address)) (then (unreachable)))
    (local.get $address))

  ;; An errno of WASI other than 0 has no answer this early.
  (func $demand (param $errno i32)
    (if (local.get $errno) (then (unreachable)))))
