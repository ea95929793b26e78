;; Fills 128 MiB at a time, again and again: one instruction each, with no loop inside.
;;
;; Args: none. Expect: runs until it is stopped, in time.
(module
  (memory (export "memory") 2048)
  (func (export "_start")
    (loop $again
      (memory.fill (i32.const 0) (i32.const 0xaa) (i32.const 0x8000000))
      (br $again))))
