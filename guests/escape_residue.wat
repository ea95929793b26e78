;; Looks for what an earlier guest may have left where it runs now, and then leaves something itself
;; wherever it can: in its memory as it was and as it grew, its table, its globals and its stack, in
;; open files, in its /tmp, its termination log and its output.
;;
;; Args: a name, which is all that it prints and logs, and in one letter what comes after: `e` exit,
;; `t` trap, `c` compute, `p` poll, `f` files, `o` output, the last four for ever. On standard error
;; it prints 16 random bytes. Expect: exit code 0 with `e`; exit codes from 1 on say where it found
;; something that it had not put there: 1 memory, 2 memory that it grew, 3 its own data, 4 its table,
;; 5 its globals, 6 its /tmp, 7 its termination log, 8 an open descriptor, 9 its stack.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))

  ;; Below 4096 is what it works with; from there on nothing may be but the data at 32768. A page of
  ;; 65536 bytes is there at the start, some more may be had.
  (memory (export "memory") 1 8)
  (data (i32.const 0) "residuetermination-log")
  (data (i32.const 32768) "0123456789abcdef")
  (table $table 16 64 funcref)
  (elem (i32.const 0) $known)
  (global $small (mut i32) (i32.const 0))
  (global $wide (mut i64) (i64.const 0))
  (global $known_global (mut i64) (i64.const 0x0123456789abcdef))
  (global $reference (mut funcref) (ref.null func))

  ;; The file that it leaves open: that in /tmp, or where there is none, the termination log.
  (global $file (mut i32) (i32.const 0))

  (func $known (result i32) (i32.const 77))
  (func $demand (param $holds i32) (param $code i32)
    (if (i32.eqz (local.get $holds)) (then (call $exit (local.get $code)))))

  ;; Whether there is nothing but zeros; both ends are whole words.
  (func $is_clean (param $at i32) (param $end i32) (result i32) (local $seen i64)
    (loop $next
      (local.set $seen (i64.or (local.get $seen) (i64.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (i64.eqz (local.get $seen)))
  (func $plant (param $at i32) (param $end i32)
    (memory.fill (local.get $at) (i32.const 0xa5)
      (i32.sub (local.get $end) (local.get $at))))
  (func $pages (param $pages i32) (result i32) (i32.shl (local.get $pages) (i32.const 16)))

  (func $look_at_memory (local $grown i32)
    (call $demand (call $is_clean (i32.const 4096) (i32.const 32768)) (i32.const 1))
    (call $demand (call $is_clean (i32.const 32784) (i32.const 65536)) (i32.const 1))
    (call $demand (i32.and
      (i64.eq (i64.load (i32.const 32768)) (i64.const 0x3736353433323130))
      (i64.eq (i64.load (i32.const 32776)) (i64.const 0x6665646362613938))) (i32.const 3))
    (local.set $grown (call $pages (memory.grow (i32.const 3))))
    (call $demand (call $is_clean (local.get $grown)
      (i32.add (local.get $grown) (call $pages (i32.const 3)))) (i32.const 2))
    (call $plant (local.get $grown) (i32.add (local.get $grown) (call $pages (i32.const 3)))))

  (func $look_at_table (local $at i32)
    (call $demand (i32.eq (call_indirect (result i32) (i32.const 0)) (i32.const 77)) (i32.const 4))
    (call $demand (i32.eq (table.grow $table (ref.null func) (i32.const 48)) (i32.const 16))
      (i32.const 4))
    (local.set $at (i32.const 1))
    (loop $next
      (call $demand (ref.is_null (table.get $table (local.get $at))) (i32.const 4))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 64))))
    (table.fill $table (i32.const 0) (ref.func $known) (i32.const 64)))

  (func $look_at_globals
    (call $demand (i32.eqz (global.get $small)) (i32.const 5))
    (call $demand (i64.eqz (global.get $wide)) (i32.const 5))
    (call $demand (i64.eq (global.get $known_global) (i64.const 0x0123456789abcdef)) (i32.const 5))
    (call $demand (ref.is_null (global.get $reference)) (i32.const 5))
    (global.set $small (i32.const 0xa5a5a5a5))
    (global.set $wide (i64.const 0xa5a5a5a5a5a5a5a5))
    (global.set $known_global (i64.const 0xa5a5a5a5a5a5a5a5))
    (global.set $reference (ref.func $known)))

  ;; What a local holds before it is set, at each depth, while those above hold the pattern.
  (func $dig (param $depth i32) (result i64) (local $a i64) (local $b i64)
    (call $demand (i64.eqz (i64.or (local.get $a) (local.get $b))) (i32.const 9))
    (local.set $a (i64.or (i64.const 0xa5a5a5a5a5a50000) (i64.extend_i32_u (local.get $depth))))
    (if (local.get $depth) (then
      (local.set $b (call $dig (i32.sub (local.get $depth) (i32.const 1))))))
    (i64.or (local.get $a) (local.get $b)))

  ;; Descriptors 3 and 4 are /dev and, if it is mounted, /tmp.
  (func $look_at_descriptors (local $fd i32)
    (local.set $fd (i32.const 5))
    (loop $next
      (call $demand (i32.eq (call $stat (local.get $fd) (i32.const 256)) (i32.const 8))
        (i32.const 8))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $fd) (i32.const 12)))))

  ;; Opens a path below a descriptor; the new one is at 64. Rights: 2 to read, 64 to write.
  (func $open_at (param $fd i32) (param $path i32) (param $length i32) (param $flags i32)
    (param $rights i64) (result i32)
    (call $open (local.get $fd) (i32.const 0) (local.get $path) (local.get $length)
      (local.get $flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 64)))
  ;; Writes or reads what lies at an address; how much it was is at 80.
  (func $buffer (param $at i32) (param $length i32)
    (i32.store (i32.const 72) (local.get $at))
    (i32.store (i32.const 76) (local.get $length)))
  (func $put (param $fd i32) (param $at i32) (param $length i32)
    (call $buffer (local.get $at) (local.get $length))
    (drop (call $write (local.get $fd) (i32.const 72) (i32.const 1) (i32.const 80))))

  (func $look_at_log (param $name i32) (param $length i32)
    (if (i32.eqz (call $open_at (i32.const 3) (i32.const 7) (i32.const 15) (i32.const 0) (i64.const 2)))
      (then
        (call $buffer (i32.const 2048) (i32.const 64))
        (i32.store (i32.const 80) (i32.const 0))
        (drop (call $read (i32.load (i32.const 64)) (i32.const 72) (i32.const 1) (i32.const 80)))
        (call $demand (i32.eqz (i32.load (i32.const 80))) (i32.const 7))))
    (if (i32.eqz (call $open_at (i32.const 3) (i32.const 7) (i32.const 15) (i32.const 0) (i64.const 64)))
      (then
        (call $put (i32.load (i32.const 64)) (local.get $name) (local.get $length))
        (if (i32.eqz (global.get $file)) (then (global.set $file (i32.load (i32.const 64))))))))

  (func $look_at_tmp (local $errno i32)
    (local.set $errno
      (call $open_at (i32.const 4) (i32.const 0) (i32.const 7) (i32.const 0) (i64.const 2)))
    (if (i32.eq (local.get $errno) (i32.const 8)) (then (return)))
    (call $demand (i32.eq (local.get $errno) (i32.const 44)) (i32.const 6))
    (local.set $errno
      (call $open_at (i32.const 4) (i32.const 0) (i32.const 7) (i32.const 5) (i64.const 70)))
    (call $demand (i32.eqz (local.get $errno)) (i32.const 6))
    (global.set $file (i32.load (i32.const 64)))
    (call $put (global.get $file) (i32.const 4096) (i32.const 8192)))

  (func $length (param $text i32) (result i32) (local $at i32)
    (local.set $at (local.get $text))
    (block $ended
      (loop $next
        (br_if $ended (i32.eqz (i32.load8_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $at) (local.get $text)))

  (func (export "_start") (local $name i32) (local $length i32) (local $letter i32)
    (call $look_at_memory)
    (call $look_at_table)
    (call $look_at_globals)
    (drop (call $dig (i32.const 300)))
    (drop (call $dig (i32.const 300)))
    (call $look_at_descriptors)
    (drop (call $args_sizes (i32.const 64) (i32.const 68)))
    (drop (call $args (i32.const 512) (i32.const 1024)))
    (local.set $name (i32.load (i32.const 516)))
    (local.set $length (call $length (local.get $name)))
    (local.set $letter (i32.load8_u (i32.load (i32.const 520))))
    (call $plant (i32.const 4096) (i32.const 65536))
    (call $look_at_tmp)
    (call $look_at_log (local.get $name) (local.get $length))
    (call $put (i32.const 1) (local.get $name) (local.get $length))
    (drop (call $random (i32.const 2048) (i32.const 16)))
    (call $put (i32.const 2) (i32.const 2048) (i32.const 16))
    (call $rest)
    (if (i32.eq (local.get $letter) (i32.const 116)) (then (unreachable)))
    (if (i32.eq (local.get $letter) (i32.const 99)) (then (loop $on (br $on))))
    (if (i32.eq (local.get $letter) (i32.const 112)) (then (call $wait)))
    (if (i32.eq (local.get $letter) (i32.const 102)) (then (call $files)))
    (if (i32.eq (local.get $letter) (i32.const 111)) (then
      (loop $on (call $put (i32.const 1) (local.get $name) (local.get $length)) (br $on))))
    (call $exit (i32.const 0)))

  ;; Memory up to its limit.
  (func $rest (local $grown i32)
    (loop $next
      (local.set $grown (memory.grow (i32.const 1)))
      (if (i32.ne (local.get $grown) (i32.const -1)) (then
        (call $plant (call $pages (local.get $grown))
          (call $pages (i32.add (local.get $grown) (i32.const 1))))
        (br $next)))))

  ;; A clock's subscription has its clock at 16 and its time at 24, here a day of nanoseconds.
  (func $wait
    (memory.fill (i32.const 128) (i32.const 0) (i32.const 48))
    (i32.store (i32.const 144) (i32.const 1))
    (i64.store (i32.const 152) (i64.const 86400000000000))
    (drop (call $poll (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 320)))
    (unreachable))

  (func $files
    (loop $on
      (drop (call $seek (global.get $file) (i64.const 0) (i32.const 0) (i32.const 328)))
      (call $put (global.get $file) (i32.const 4096) (i32.const 4096))
      (call $buffer (i32.const 8192) (i32.const 4096))
      (drop (call $read (global.get $file) (i32.const 72) (i32.const 1) (i32.const 80)))
      (br $on))))
