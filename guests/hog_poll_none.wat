;; Waits for nothing, which never comes about, and for a time that has passed, for ever.
;;
;; Args: none. Expect: waiting for nothing is refused; then runs until it is stopped, in time; exit
;; code 1 when it was not refused.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (if (i32.eqz (call $poll (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 128)))
      (then (call $exit (i32.const 1))))
    (i32.store (i32.const 16) (i32.const 1)) ;; the monotonic clock, timeout 0
    (loop $again
      (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
      (br $again))))
