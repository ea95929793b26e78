;; Has a data segment that begins within its memory and ends beyond.
;;
;; Args: none. Expect: a trap as it starts, `out of bounds memory access`, and nothing of it run.
(module
  (memory (export "memory") 1)
  (data (i32.const 65534) "four")
  (func (export "_start") (loop (br 0))))
