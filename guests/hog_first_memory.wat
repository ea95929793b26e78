;; Wants 4 GiB of memory before it starts.
;;
;; Args: none. Expect: ended for want of memory, with nothing run.
(module
  (memory (export "memory") 65536)
  (func (export "_start") (loop (br 0))))
