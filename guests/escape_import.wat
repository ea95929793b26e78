;; Imports functions that there are not: a host's own, and one of WASI by a wrong name.
;;
;; Args: none. Expect: refused when it is loaded, with the names of both.
(module
  (import "env" "system" (func (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exec" (func (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")))
