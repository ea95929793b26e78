;; Opens absolute paths from each directory that it was given, past the C library, which would not.
;;
;; Args: none. Expect: exit code 0, every path having been refused; exit code 1 when one was opened.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get"
    (func $stat (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; Each path in 32 bytes, ended by a zero.
  (data (i32.const 0x000) "/")
  (data (i32.const 0x020) "//")
  (data (i32.const 0x040) "/etc/passwd")
  (data (i32.const 0x060) "//etc/passwd")
  (data (i32.const 0x080) "/./etc/passwd")
  (data (i32.const 0x0a0) "/../etc/passwd")
  (data (i32.const 0x0c0) "/data/../../etc/passwd")
  (data (i32.const 0x0e0) "/proc/self/environ")
  (data (i32.const 0x100) "/dev/null/../../etc/passwd")
  (data (i32.const 0x120) "/tmp")
  (func $length (param $path i32) (result i32) (local $n i32)
    (loop $next
      (if (i32.load8_u (i32.add (local.get $path) (local.get $n))) (then
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $next))))
    (local.get $n))
  (func $try (param $fd i32) (param $path i32) (local $n i32)
    (local.set $n (call $length (local.get $path)))
    ;; As it is, as a directory, and to be made; links followed and not.
    (if (i32.eqz (call $open (local.get $fd) (i32.const 0) (local.get $path) (local.get $n)
      (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 4096)))
      (then (call $exit (i32.const 1))))
    (if (i32.eqz (call $open (local.get $fd) (i32.const 1) (local.get $path) (local.get $n)
      (i32.const 2) (i64.const 0x4002) (i64.const 2) (i32.const 0) (i32.const 4096)))
      (then (call $exit (i32.const 1))))
    (if (i32.eqz (call $open (local.get $fd) (i32.const 1) (local.get $path) (local.get $n)
      (i32.const 9) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 4096)))
      (then (call $exit (i32.const 1))))
    (if (i32.eqz (call $stat (local.get $fd) (i32.const 1) (local.get $path) (local.get $n)
      (i32.const 4096)))
      (then (call $exit (i32.const 1)))))
  (func (export "_start") (local $fd i32) (local $path i32)
    (local.set $fd (i32.const 3))
    (loop $directory
      (local.set $path (i32.const 0))
      (loop $next
        (call $try (local.get $fd) (local.get $path))
        (local.set $path (i32.add (local.get $path) (i32.const 32)))
        (br_if $next (i32.le_u (local.get $path) (i32.const 0x120))))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $directory (i32.le_u (local.get $fd) (i32.const 4))))))
