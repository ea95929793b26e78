;; Traps in the way that the number of its arguments says.
;;
;; Args: as many as the number of the way, counting the name of the program. Expect: a trap with the
;; reason that belongs to it; exit code 0 for a number that has none.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (type $nothing (func))
  (memory (export "memory") 1 1)
  (table $table 2 2 funcref)
  (elem (i32.const 0) $lands)
  (elem $passive func $lands)
  (data $segment "data")
  (func $lands (param i32))
  (func $recurse (call $recurse))
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (block $none
    (block $14 (block $13 (block $12 (block $11 (block $10 (block $9 (block $8
    (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1
      (br_table $none $1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11 $12 $13 $14 $none
        (i32.load (i32.const 0))))
      unreachable) ;; 1
      (drop (i32.div_s (i32.const 1) (i32.const 0))) return) ;; 2
      (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))) return) ;; 3
      (drop (i32.trunc_f32_s (f32.const nan))) return) ;; 4
      (drop (i32.trunc_f64_u (f64.const 1e30))) return) ;; 5
      (drop (i32.load (i32.const 65533))) return) ;; 6
      (i64.store (i32.const -1) (i64.const 0)) return) ;; 7
      (call_indirect (type $nothing) (i32.const 1)) return) ;; 8: null
      (call_indirect (type $nothing) (i32.const 0)) return) ;; 9: another type
      (call_indirect (type $nothing) (i32.const 2)) return) ;; 10: beyond the table
      (drop (table.get $table (i32.const 2))) return) ;; 11
      (memory.fill (i32.const 65535) (i32.const 0) (i32.const 2)) return) ;; 12
      (memory.init $segment (i32.const 0) (i32.const 2) (i32.const 3)) return) ;; 13
      (call $recurse) return) ;; 14
    ))
