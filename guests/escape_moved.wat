;; Holds folders open while it moves them up, removes them and puts links in their place, and climbs
;; from there, where a folder's parent is no longer what it was when it was opened.
;;
;; Args: none. Expect: exit code 0, every climb having been refused; else the exit code is the number
;; of the round in which one was not.
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
  (import "wasi_snapshot_preview1" "path_rename"
    (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x00) "in/a")
  (data (i32.const 0x08) "in/a/b")
  (data (i32.const 0x10) "b")
  (data (i32.const 0x18) "in")
  (data (i32.const 0x20) "..")
  (data (i32.const 0x28) "in/secret")
  ;; Each climb in 32 bytes, ended by a zero.
  (data (i32.const 0x100) "..")
  (data (i32.const 0x120) "../secret")
  (data (i32.const 0x140) "../../secret")
  (data (i32.const 0x160) "../../../secret")
  (data (i32.const 0x180) "../../../../secret")
  (data (i32.const 0x1a0) "../in/../../secret")
  (data (i32.const 0x1c0) "./../other/secret")
  (global $round (mut i32) (i32.const 0))
  (func $length (param $path i32) (result i32) (local $n i32)
    (loop $next
      (if (i32.load8_u (i32.add (local.get $path) (local.get $n))) (then
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $next))))
    (local.get $n))
  (func $refused (param $errno i32)
    (if (i32.eqz (local.get $errno)) (then (call $exit (global.get $round)))))
  (func $open_at (param $fd i32) (param $path i32) (param $flags i32) (param $rights i64)
    (result i32)
    (call $open (local.get $fd) (i32.const 1) (local.get $path) (call $length (local.get $path))
      (local.get $flags) (local.get $rights) (i64.const 0x1fffffff) (i32.const 0) (i32.const 64)))
  ;; The descriptor of a folder.
  (func $folder (param $path i32) (result i32)
    (if (call $open_at (i32.const 4) (local.get $path) (i32.const 2) (i64.const 0x4000))
      (then (call $exit (i32.const 99))))
    (i32.load (i32.const 64)))
  (func $climb (param $fd i32) (local $path i32)
    (global.set $round (i32.add (global.get $round) (i32.const 1)))
    (local.set $path (i32.const 0x100))
    (loop $next
      (call $refused (call $open_at (local.get $fd) (local.get $path) (i32.const 0) (i64.const 2)))
      (call $refused (call $open_at (local.get $fd) (local.get $path) (i32.const 2)
        (i64.const 0x4000)))
      (call $refused (call $stat (local.get $fd) (i32.const 1) (local.get $path)
        (call $length (local.get $path)) (i32.const 128)))
      (local.set $path (i32.add (local.get $path) (i32.const 32)))
      (br_if $next (i32.le_u (local.get $path) (i32.const 0x1c0)))))
  (func $move (param $from i32) (param $to i32)
    (if (call $rename (i32.const 4) (local.get $from) (call $length (local.get $from))
        (i32.const 4) (local.get $to) (call $length (local.get $to)))
      (then (call $exit (i32.const 98)))))
  (func $remove (param $path i32)
    (if (call $rmdir (i32.const 4) (local.get $path) (call $length (local.get $path)))
      (then (call $exit (i32.const 97)))))
  (func (export "_start") (local $deep i32) (local $in i32)
    (drop (call $mkdir (i32.const 4) (i32.const 0x00) (i32.const 4)))
    (drop (call $mkdir (i32.const 4) (i32.const 0x08) (i32.const 6)))
    (local.set $deep (call $folder (i32.const 0x08)))
    (local.set $in (call $folder (i32.const 0x18)))
    (call $climb (local.get $deep))
    ;; Up: what was two levels down lies in the mount itself.
    (call $move (i32.const 0x08) (i32.const 0x10))
    (call $climb (local.get $deep))
    ;; And down again.
    (call $move (i32.const 0x10) (i32.const 0x08))
    (call $climb (local.get $deep))
    ;; Gone.
    (call $remove (i32.const 0x08))
    (call $climb (local.get $deep))
    ;; Gone with all above it, and a link to the parent of the mount in the place.
    (call $remove (i32.const 0x00))
    (call $remove (i32.const 0x18))
    (drop (call $symlink (i32.const 0x20) (i32.const 2) (i32.const 4) (i32.const 0x18)
      (i32.const 2)))
    (call $climb (local.get $deep))
    (call $climb (local.get $in))
    (call $refused (call $open_at (i32.const 4) (i32.const 0x28) (i32.const 0) (i64.const 2)))))
