# Counts words: reads and writes files, sorts, formats, and dies when asked to.
use strict;
use warnings;
use File::Basename;
use File::Temp qw(tempfile);
use List::Util qw(sum max);
use Digest::SHA qw(sha256_hex);
use JSON::PP;

my ($in, $out, $code) = @ARGV;
open my $words, '<', $in or die "can't read $in: $!";
my %count;
while (my $line = <$words>) {
    $count{lc $1}++ while $line =~ /(\w+)/g;
}
close $words;

open my $table, '>', "$out/counts.txt" or die "can't write: $!";
for my $word (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count) {
    printf {$table} "%-8s %3d %s\n", $word, $count{$word}, '#' x $count{$word};
}
close $table;

my ($scratch, $name) = tempfile(DIR => '/tmp');
print {$scratch} join "\n", sort keys %count;
close $scratch;
open $scratch, '<', $name or die "can't read it again: $!";
my @again = <$scratch>;
print "words: ", scalar(@again), " of ", sum(values %count), ", longest ", max(map { length } keys %count), "\n";
unlink $name or die "can't remove it: $!";

open my $json, '>', "$out/counts.json" or die "can't write: $!";
print {$json} JSON::PP->new->canonical->pretty->encode(\%count);
close $json;
print basename($in), ' ', sha256_hex(join ' ', sort keys %count), "\n";
printf "%.6f %d\n", 2 ** 0.5, int(-1.5);
mkdir "$out/made" or die "mkdir: $!";
rename "$out/counts.json", "$out/made/counts.json" or die "rename: $!";
opendir my $folder, $out or die "opendir: $!";
print join(' ', sort grep { !/^\./ } readdir $folder), "\n";
print STDERR "this goes to standard error\n";
exit $code;
