;; Never gets as far as to begin: its start function, which runs as the instance is made, loops.
;;
;; Args: none. Expect: runs until it is stopped, in time.
(module
  (memory (export "memory") 1)
  (func $start (loop (br 0)))
  (start $start)
  (func (export "_start")))
