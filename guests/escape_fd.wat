;; Tries every call on descriptors that it was never given: those of the host's process, and numbers
;; at the edges.
;;
;; Args: none. Expect: exit code 0, every call having failed with EBADF (8); exit code 1 when one
;; went differently.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_get" (func $filestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir"
    (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\40\00\00\00\10\00\00\00")
  (data (i32.const 32) "secret")
  (func $refused (param $errno i32)
    (if (i32.ne (local.get $errno) (i32.const 8)) (then (call $exit (i32.const 1)))))
  (func $try (param $fd i32)
    (call $refused (call $read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)))
    (call $refused (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)))
    (call $refused (call $stat (local.get $fd) (i32.const 256)))
    (call $refused (call $filestat (local.get $fd) (i32.const 256)))
    (call $refused (call $prestat (local.get $fd) (i32.const 256)))
    (call $refused (call $renumber (local.get $fd) (i32.const 1)))
    (call $refused (call $renumber (i32.const 1) (local.get $fd)))
    (call $refused (call $readdir (local.get $fd) (i32.const 256) (i32.const 64) (i64.const 0)
      (i32.const 16)))
    (call $refused (call $seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 16)))
    (call $refused (call $open (local.get $fd) (i32.const 0) (i32.const 32) (i32.const 6)
      (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
    (call $refused (call $close (local.get $fd))))
  (func (export "_start") (local $fd i32)
    ;; 0 to 2 are the streams, 3 is /dev, 4 is /data.
    (local.set $fd (i32.const 5))
    (loop $next
      (call $try (local.get $fd))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $fd) (i32.const 2000))))
    (call $try (i32.const 0x7fffffff))
    (call $try (i32.const 0x80000000))
    (call $try (i32.const -1))
    (call $try (i32.const -100)))) ;; AT_FDCWD of Linux
