;; Wants a memory with addresses of 64 bits, and grows it by more than any host has.
;;
;; Args: none. Expect: ended for want of memory; exit code 1 when it got it; refused when it is loaded,
;; where such memories are not supported.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") i64 1)
  (func (export "_start")
    (if (i64.ne (memory.grow (i64.const 0x1000000000)) (i64.const -1))
      (then (call $exit (i32.const 1))))))
