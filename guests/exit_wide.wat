;; Exits with a code of more than 8 bits, which a Unix process could not.
;;
;; Args: none. Expect: exit code 305419896 (0x12345678).
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const 0x12345678))))
