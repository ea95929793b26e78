;; Asks for room for a file without writing to it. WASI has a call for it, which the sandbox does not
;; support, so it can't be used to take what is not accounted for.
;;
;; Args: none. Expect: exit code 0, when the call is refused; 1 when it goes well.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_allocate"
    (func $fd_allocate (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "allocated")
  (func (export "_start")
    ;; The last preopen is the mount: /dev comes first.
    (if (call $path_open (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 1)
          (i64.const 0x1fffffff) (i64.const 0) (i32.const 0) (i32.const 16))
      (then (call $exit (i32.const 2))))
    (if (i32.eqz (call $fd_allocate (i32.load (i32.const 16)) (i64.const 0)
          (i64.const 0x4000000000)))
      (then (call $exit (i32.const 1))))))
