;; Exits with the largest code there is, which is -1 to who reads it with a sign.
;;
;; Args: none. Expect: exit code 4294967295.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const -1))))
