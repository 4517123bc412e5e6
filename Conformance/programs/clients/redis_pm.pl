# What applications do with Perl's Redis, as one program of the `clients` suite: see suites/clients.py for what it prints.
use strict;
use warnings;
use Redis;
use Time::HiRes qw(sleep time);

$| = 1;
my ($port, $locked_port, $socket) = @ARGV;

sub client { Redis->new(server => "127.0.0.1:$port", @_) }

sub check {
    my ($name, $body) = @_;
    if (eval { $body->(); 1 }) {
        print "pass $name\n";
    } else {
        (my $why = $@) =~ s/\s+/ /g;
        print "fail $name: $why\n";
    }
}

sub same {
    my ($got, $wanted) = map { ref $_ ? join(' ', map { $_ // 'nothing' } @$_) : $_ // 'nothing' } @_;
    die "$got in the place of $wanted" if $got ne $wanted;
}

sub tells {
    my ($body, $text) = @_;
    die "nothing told of $text" if eval { $body->(); 1 };
    die "told: $@" unless $@ =~ $text;
}

client()->flushall;

check 'pipeline' => sub {
    my $redis = client();
    my @replies;
    $redis->rpush('many', $_, sub { push @replies, $_[0] }) for 0 .. 4999;
    $redis->wait_all_responses;
    same(\@replies, [1 .. 5000]);
    $redis->multi;
    $redis->set('a', 1);
    $redis->incr('a');
    same([$redis->exec], ['OK', 2]);
    tells(sub { $redis->lpush('a', 1) }, qr/WRONGTYPE/);
};

check 'blocking pop over several queues' => sub {
    my $redis = client();
    $redis->rpush('low', 1, 2, 3);
    same([$redis->blpop('high', 'low', 1)], ['low', 1]);
    same([$redis->brpop('high', 'low', 1)], ['low', 3]);
    my $child = fork // die;
    unless ($child) {  # It pushes the job, once the other waits.
        my $other = client();
        sleep 0.01 until $other->info('clients')->{blocked_clients} == 1;
        $other->lpush('high', 'job');
        exec 'true';
    }
    same([$redis->brpop('higher', 'high', 10)], ['high', 'job']);
    waitpid $child, 0;
    same(scalar(my @none = $redis->brpop('none', 1)) <= 1 ? 'nothing' : 'something', 'nothing');
};

check 'authentication' => sub {
    tells(sub { Redis->new(server => "127.0.0.1:$locked_port")->get('x') }, qr/NOAUTH/);
    tells(sub { Redis->new(server => "127.0.0.1:$locked_port", password => 'wrong') }, qr/WRONGPASS|password/);
    same(Redis->new(server => "127.0.0.1:$locked_port", password => 'secret')->ping, 'PONG');
};

check 'timeouts' => sub {
    tells(sub { client(read_timeout => 0.2)->brpop('none', 3) }, qr/timeout|unavailable/i);
    tells(sub { Redis->new(server => '127.0.0.1:1', cnx_timeout => 0.2) }, qr/refused/);
};

check 'Unix socket' => sub { same(Redis->new(sock => $socket)->ping, 'PONG') };

check 'bytes' => sub {
    my $redis = client();
    my $every = join '', map chr, 0 .. 255;
    for my $value ('', $every, $every x 20_000, "\r\n\$-1\r\n") {
        $redis->set($every, $value);
        die 'other bytes come back' unless $redis->get($every) eq $value;
    }
};

check 'subscriptions' => sub {
    my ($redis, $other, @heard) = (client(), client());
    $redis->subscribe('news', sub { push @heard, @_[0, 1] });
    same($other->publish('news', 'hello'), 1);
    $redis->wait_for_messages(5) until @heard;
    same([@heard], ['hello', 'news']);
};

check 'reconnects after a restart' => sub {
    my $redis = client(reconnect => 5, every => 50_000);
    $redis->set('kept', 'yes');
    print "restart\n";
    <STDIN>;
    same($redis->get('kept'), 'yes');
    same([$redis->lrange('many', 0, 1)], [0, 1]);
};

print "end\n";
