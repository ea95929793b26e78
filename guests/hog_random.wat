;; Asks for 4 GiB of random bytes at once, and then for as much as it may, for ever.
;;
;; Args: none. Expect: the first refused with EINVAL (28); then runs until it is stopped, in time;
;; exit code 1 when the first was not refused.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 257)
  (func (export "_start")
    (if (i32.ne (call $random (i32.const 0) (i32.const -1)) (i32.const 28))
      (then (call $exit (i32.const 1))))
    (loop $again
      (if (call $random (i32.const 0) (i32.const 0x1000000)) (then (call $exit (i32.const 2))))
      (br $again))))
