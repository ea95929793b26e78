;; Prints from eight thousand parts, and from four thousand million.
;;
;; Args: none. Expect: both refused with EINVAL (28), and exit code 0; exit code 1 or 2 when not.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (if (i32.ne (call $write (i32.const 1) (i32.const 0) (i32.const 8192) (i32.const 0x1ff00))
        (i32.const 28))
      (then (call $exit (i32.const 1))))
    (if (i32.ne (call $write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0x1ff00))
        (i32.const 28))
      (then (call $exit (i32.const 2))))))
