;; Reads as far beyond its memory as an address and an offset can say: 8 GiB.
;;
;; Args: none. Expect: a trap, `out of bounds memory access`.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (i64.load offset=0xffffffff (i32.const -1)))))
