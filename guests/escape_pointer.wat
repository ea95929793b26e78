;; Hands calls pointers out of its memory, and lengths that reach out of it.
;;
;; Args: none. Expect: a trap, or every call failing and exit code 0; exit code 1 when one went well.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $refused (param $errno i32)
    (if (i32.eqz (local.get $errno)) (then (call $exit (i32.const 1)))))
  (func (export "_start")
    (call $refused (call $random (i32.const 65535) (i32.const 2)))
    (call $refused (call $random (i32.const 65536) (i32.const 1)))
    (call $refused (call $random (i32.const -1) (i32.const 16777216)))
    (call $refused (call $sizes (i32.const 65533) (i32.const 0)))
    (call $refused (call $args (i32.const -4) (i32.const -4)))))
