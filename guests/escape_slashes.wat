;; Names things outside of its folder, and links of its own that lead there, with slashes and dots at
;; the end and in between, as the C library never passes them on.
;;
;; Args: none. Expect: exit code 0, every call having been refused; else the exit code is 1, and
;; eight times the number of the path, and the number of the call.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "path_symlink"
    (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get"
    (func $stat (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory"
    (func $rmdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $unlink (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename"
    (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link"
    (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x000) "link")
  (data (i32.const 0x008) "..")
  (data (i32.const 0x010) "out")
  (data (i32.const 0x018) "../secret")
  (data (i32.const 0x028) "got")
  ;; Each path in 32 bytes, ended by a zero.
  (data (i32.const 0x100) "link/")
  (data (i32.const 0x120) "link//")
  (data (i32.const 0x140) "link/.")
  (data (i32.const 0x160) "link/secret")
  (data (i32.const 0x180) "link//secret")
  (data (i32.const 0x1a0) "./link/./secret")
  (data (i32.const 0x1c0) "link/secret/")
  (data (i32.const 0x1e0) "link/data/file")
  (data (i32.const 0x200) "out/")
  (data (i32.const 0x220) "out/.")
  (data (i32.const 0x240) "out/..")
  (data (i32.const 0x260) "file/../../secret")
  (data (i32.const 0x280) "file/")
  (data (i32.const 0x2a0) "file//")
  (data (i32.const 0x2c0) "file/.")
  (data (i32.const 0x2e0) "in/..//../secret")
  (data (i32.const 0x300) "in/../../data/file")
  (data (i32.const 0x320) "in//../..//")
  (data (i32.const 0x340) "..//")
  (data (i32.const 0x360) "../.")
  (data (i32.const 0x380) "./..")
  (data (i32.const 0x3a0) ".//../secret")
  (data (i32.const 0x3c0) "..\\secret")
  (data (i32.const 0x3e0) "%2e%2e/secret")
  (data (i32.const 0x400) ".. /secret")
  (data (i32.const 0x420) "///")
  (func $length (param $path i32) (result i32) (local $n i32)
    (loop $next
      (if (i32.load8_u (i32.add (local.get $path) (local.get $n))) (then
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $next))))
    (local.get $n))
  (func $refused (param $errno i32) (param $path i32) (param $call i32)
    (if (i32.eqz (local.get $errno)) (then
      (call $exit (i32.add (i32.const 1) (i32.add (local.get $call)
        (i32.shl (i32.shr_u (i32.sub (local.get $path) (i32.const 0x100)) (i32.const 5))
          (i32.const 3))))))))
  (func $try (param $p i32) (local $n i32)
    (local.set $n (call $length (local.get $p)))
    (call $refused (call $open (i32.const 4) (i32.const 1) (local.get $p) (local.get $n)
      (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64)) (local.get $p)
      (i32.const 0))
    (call $refused (call $open (i32.const 4) (i32.const 0) (local.get $p) (local.get $n)
      (i32.const 2) (i64.const 0x4000) (i64.const 0) (i32.const 0) (i32.const 64)) (local.get $p)
      (i32.const 1))
    (call $refused (call $stat (i32.const 4) (i32.const 1) (local.get $p) (local.get $n)
      (i32.const 128)) (local.get $p) (i32.const 2))
    (call $refused (call $rmdir (i32.const 4) (local.get $p) (local.get $n)) (local.get $p)
      (i32.const 3))
    (call $refused (call $unlink (i32.const 4) (local.get $p) (local.get $n)) (local.get $p)
      (i32.const 4))
    (call $refused (call $rename (i32.const 4) (local.get $p) (local.get $n)
      (i32.const 4) (i32.const 0x28) (i32.const 3)) (local.get $p) (i32.const 5))
    (call $refused (call $link (i32.const 4) (i32.const 0) (local.get $p) (local.get $n)
      (i32.const 4) (i32.const 0x28) (i32.const 3)) (local.get $p) (i32.const 6)))
  ;; What would be new, and must not be there afterwards: a file or folder outside, or a link there.
  (func $make (param $p i32) (local $n i32)
    (local.set $n (call $length (local.get $p)))
    (drop (call $open (i32.const 4) (i32.const 1) (local.get $p) (local.get $n)
      (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 64)))
    (drop (call $mkdir (i32.const 4) (local.get $p) (local.get $n)))
    (drop (call $symlink (i32.const 8) (i32.const 2) (i32.const 4) (local.get $p) (local.get $n)))
    (drop (call $rename (i32.const 4) (i32.const 0) (i32.const 4)
      (i32.const 4) (local.get $p) (local.get $n))))
  (func (export "_start") (local $path i32)
    (drop (call $symlink (i32.const 8) (i32.const 2) (i32.const 4) (i32.const 0) (i32.const 4)))
    (drop (call $symlink (i32.const 0x18) (i32.const 9) (i32.const 4) (i32.const 0x10)
      (i32.const 3)))
    (local.set $path (i32.const 0x100))
    (loop $next
      (call $try (local.get $path))
      (local.set $path (i32.add (local.get $path) (i32.const 32)))
      (br_if $next (i32.le_u (local.get $path) (i32.const 0x420))))
    (local.set $path (i32.const 0x100))
    (loop $next
      (call $make (local.get $path))
      (local.set $path (i32.add (local.get $path) (i32.const 32)))
      (br_if $next (i32.le_u (local.get $path) (i32.const 0x420))))))
