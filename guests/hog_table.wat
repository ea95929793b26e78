;; Grows a table for as long as it can.
;;
;; Args: none. Expect: ended when its memory limit is reached; exit code 1 when growing fails first.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (table $table 1 externref)
  (func (export "_start")
    (loop $again
      (if (i32.lt_s (table.grow $table (ref.null extern) (i32.const 8192)) (i32.const 0))
        (then (call $exit (i32.const 1))))
      (br $again))))
