;; Exits before it begins: in its start function, which runs as the instance is made.
;;
;; Args: none. Expect: exit code 7.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $start (call $exit (i32.const 7)))
  (start $start)
  (func (export "_start") unreachable))
