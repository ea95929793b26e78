;; Yields for ever, as if others should do its work.
;;
;; Args: none. Expect: runs until it is stopped, in time.
(module
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (loop $again (drop (call $yield)) (br $again))))
