// SortedSetReplies.swift: what redis-server 7.0.15 answered, request by request.
//
// Noted once, from an empty server for each group; the requests of a group build on each other.

/// Requests with their replies.
struct NotedReplies: Sendable {
  let about: String
  /// The version of the protocol.
  let version: Int
  let lines: [(request: String, reply: String)]
}

let sortedSetReplies: [NotedReplies] = [
  NotedReplies(
    about: "ZADD and ZINCRBY", version: 2,
    lines: [
      ("ZADD z 1 a 2 b 3 c", ":3\r\n"),
      ("ZADD z CH 1 a 5 b 4 d", ":2\r\n"),
      ("ZADD z NX 9 a 9 e", ":1\r\n"),
      ("ZADD z XX CH 8 a 8 none", ":1\r\n"),
      ("ZADD z GT CH 7 a 9 c 1 f", ":2\r\n"),
      ("ZADD z LT CH 7 a 20 c 2 g", ":2\r\n"),
      ("ZADD z XX GT CH 10 a 1 b", ":1\r\n"),
      ("ZADD z INCR 2.5 a", "$4\r\n12.5\r\n"),
      ("ZADD z NX INCR 1 a", "$-1\r\n"),
      ("ZADD z XX INCR 1 none", "$-1\r\n"),
      ("ZADD z GT INCR -1 a", "$-1\r\n"),
      ("ZADD z LT INCR -1 a", "$4\r\n11.5\r\n"),
      ("ZADD none XX 1 a", ":0\r\n"),
      ("ZADD none XX INCR 1 a", "$-1\r\n"),
      ("EXISTS none", ":0\r\n"),
      ("ZINCRBY z 0.1 a", "$4\r\n11.6\r\n"),
      ("ZINCRBY z -inf a", "$4\r\n-inf\r\n"),
      ("ZINCRBY z +inf a", "-ERR resulting score is not a number (NaN)\r\n"),
      ("ZINCRBY z nan a", "-ERR value is not a valid float\r\n"),
      ("ZINCRBY new 3 m", "$1\r\n3\r\n"),
      ("ZADD z NX XX 1 a", "-ERR XX and NX options at the same time are not compatible\r\n"),
      (
        "ZADD z NX GT 1 a",
        "-ERR GT, LT, and/or NX options at the same time are not compatible\r\n"
      ),
      (
        "ZADD z GT LT 1 a",
        "-ERR GT, LT, and/or NX options at the same time are not compatible\r\n"
      ),
      ("ZADD z INCR 1 a 2 b", "-ERR INCR option supports a single increment-element pair\r\n"),
      ("ZADD z 1", "-ERR wrong number of arguments for 'zadd' command\r\n"),
      ("ZADD z 1 a 2", "-ERR syntax error\r\n"),
      ("ZADD z CH", "-ERR wrong number of arguments for 'zadd' command\r\n"),
      ("ZADD z 1 a x b", "-ERR value is not a valid float\r\n"),
      ("ZADD z 1e400 a", "-ERR value is not a valid float\r\n"),
      ("ZINCRBY z NX a", "-ERR syntax error\r\n"),
      (
        "ZRANGE z 0 -1 WITHSCORES",
        "*14\r\n$1\r\na\r\n$4\r\n-inf\r\n$1\r\nf\r\n$1\r\n1\r\n$1\r\ng\r\n$1\r\n2\r\n$1\r\nd\r\n$1\r\n4\r\n$1\r\nb\r\n$1\r\n5\r\n$1\r\nc\r\n$1\r\n9\r\n$1\r\ne\r\n$1\r\n9\r\n"
      ),
    ]),
  NotedReplies(
    about: "scores", version: 2,
    lines: [
      (
        "ZADD z 0.1 a 1e21 b 1e16 c 123456789012345678 d 0x1F e .5 f 5. g 007 h 1e-7 i 5e-324 j 3.0000000000000004 k -1.5 l 99999999999999999 m 1e17 n inf o -infinity p 000000012345 q -00.250 r",
        ":18\r\n"
      ),
      (
        "ZRANGE z 0 -1 WITHSCORES",
        "*36\r\n$1\r\np\r\n$4\r\n-inf\r\n$1\r\nl\r\n$4\r\n-1.5\r\n$1\r\nr\r\n$5\r\n-0.25\r\n$1\r\nj\r\n$23\r\n4.9406564584124654e-324\r\n$1\r\ni\r\n$22\r\n9.9999999999999995e-08\r\n$1\r\na\r\n$19\r\n0.10000000000000001\r\n$1\r\nf\r\n$3\r\n0.5\r\n$1\r\nk\r\n$18\r\n3.0000000000000004\r\n$1\r\ng\r\n$1\r\n5\r\n$1\r\nh\r\n$1\r\n7\r\n$1\r\ne\r\n$2\r\n31\r\n$1\r\nq\r\n$5\r\n12345\r\n$1\r\nc\r\n$17\r\n10000000000000000\r\n$1\r\nm\r\n$5\r\n1e+17\r\n$1\r\nn\r\n$5\r\n1e+17\r\n$1\r\nd\r\n$22\r\n1.2345678901234568e+17\r\n$1\r\nb\r\n$5\r\n1e+21\r\n$1\r\no\r\n$3\r\ninf\r\n"
      ),
      (
        "ZMSCORE z a b none c",
        "*4\r\n$19\r\n0.10000000000000001\r\n$5\r\n1e+21\r\n$-1\r\n$17\r\n10000000000000000\r\n"
      ),
      (
        "ZSCAN z 0 MATCH [abop]",
        "*2\r\n$1\r\n0\r\n*8\r\n$1\r\np\r\n$4\r\n-inf\r\n$1\r\na\r\n$19\r\n0.10000000000000001\r\n$1\r\nb\r\n$5\r\n1e+21\r\n$1\r\no\r\n$3\r\ninf\r\n"
      ),
    ]),
  NotedReplies(
    about: "ranks", version: 2,
    lines: [
      ("ZADD z 1 a 2 b 2 bb 3 c", ":4\r\n"),
      ("ZRANK z a", ":0\r\n"),
      ("ZRANK z c", ":3\r\n"),
      ("ZRANK z none", "$-1\r\n"),
      ("ZRANK none a", "$-1\r\n"),
      ("ZREVRANK z a", ":3\r\n"),
      ("ZREVRANK z bb", ":1\r\n"),
      ("ZCARD z", ":4\r\n"),
      ("ZCARD none", ":0\r\n"),
      ("ZSCORE z b", "$1\r\n2\r\n"),
      ("ZSCORE z none", "$-1\r\n"),
      ("ZSCORE none b", "$-1\r\n"),
      ("ZMSCORE none a b", "*2\r\n$-1\r\n$-1\r\n"),
      ("ZCOUNT z 2 2", ":2\r\n"),
      ("ZCOUNT z (1 (3", ":2\r\n"),
      ("ZCOUNT z -inf +inf", ":4\r\n"),
      ("ZCOUNT z 3 1", ":0\r\n"),
      ("ZCOUNT none 0 1", ":0\r\n"),
      ("ZCOUNT z a 1", "-ERR min or max is not a float\r\n"),
      ("ZCOUNT none a 1", "-ERR min or max is not a float\r\n"),
      ("ZLEXCOUNT z - +", ":4\r\n"),
      ("ZLEXCOUNT z x +", "-ERR min or max not valid string range item\r\n"),
      ("ZREM z b none bb", ":2\r\n"),
      ("ZREM z none", ":0\r\n"),
      ("ZREM none a", ":0\r\n"),
      ("ZREM z a c", ":2\r\n"),
      ("EXISTS z", ":0\r\n"),
      ("SET s v", "+OK\r\n"),
      ("ZADD s 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
      ("ZRANK s a", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
      ("ZRANGE s 0 -1", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
      ("ZRANGE s x -1", "-ERR value is not an integer or out of range\r\n"),
      ("ZCOUNT s 0 1", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
      ("ZPOPMIN s", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
      (
        "ZRANGESTORE out s 0 -1",
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
      ),
    ]),
  NotedReplies(
    about: "ranges", version: 2,
    lines: [
      ("ZADD z 1 a 2 b 3 c 4 d 5 e", ":5\r\n"),
      ("ZRANGE z 0 -1", "*5\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n"),
      ("ZRANGE z 1 2 WITHSCORES", "*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\nc\r\n$1\r\n3\r\n"),
      ("ZRANGE z -2 10 REV", "*2\r\n$1\r\nb\r\n$1\r\na\r\n"),
      ("ZRANGE z 3 1", "*0\r\n"),
      ("ZRANGE z (1 3 BYSCORE", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n"),
      (
        "ZRANGE z 3 (1 BYSCORE REV WITHSCORES",
        "*4\r\n$1\r\nc\r\n$1\r\n3\r\n$1\r\nb\r\n$1\r\n2\r\n"
      ),
      ("ZRANGE z -inf +inf BYSCORE LIMIT 1 2", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n"),
      ("ZRANGE z +inf -inf BYSCORE REV LIMIT 1 2", "*2\r\n$1\r\nd\r\n$1\r\nc\r\n"),
      ("ZRANGE z -inf +inf BYSCORE LIMIT -1 2", "*0\r\n"),
      ("ZRANGE z -inf +inf BYSCORE LIMIT 3 -1", "*2\r\n$1\r\nd\r\n$1\r\ne\r\n"),
      ("ZRANGE z -inf +inf BYSCORE LIMIT 5 1", "*0\r\n"),
      (
        "ZRANGE z 0 -1 LIMIT 1 2",
        "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX\r\n"
      ),
      ("ZRANGE z 0 1 LIMIT 1 -1", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
      (
        "ZRANGE z - + BYLEX WITHSCORES",
        "-ERR syntax error, WITHSCORES not supported in combination with BYLEX\r\n"
      ),
      ("ZRANGE z 0 1 BYSCORE BYLEX", "-ERR syntax error\r\n"),
      ("ZRANGE z 0 1 REV REV", "-ERR syntax error\r\n"),
      ("ZRANGE z 0 1 BYSCORE LIMIT 1", "-ERR syntax error\r\n"),
      ("ZRANGE z 0 1 BYSCORE LIMIT a 1", "-ERR value is not an integer or out of range\r\n"),
      ("ZRANGE z x 1", "-ERR value is not an integer or out of range\r\n"),
      ("ZRANGE z x 1 BYSCORE", "-ERR min or max is not a float\r\n"),
      ("ZRANGE z x 1 BYLEX", "-ERR min or max not valid string range item\r\n"),
      ("ZREVRANGE z 0 1 WITHSCORES", "*4\r\n$1\r\ne\r\n$1\r\n5\r\n$1\r\nd\r\n$1\r\n4\r\n"),
      ("ZREVRANGE z 0 1 REV", "-ERR syntax error\r\n"),
      (
        "ZREVRANGE z 0 1 LIMIT 1 1",
        "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX\r\n"
      ),
      ("ZRANGEBYSCORE z 2 (4 WITHSCORES LIMIT 0 1", "*2\r\n$1\r\nb\r\n$1\r\n2\r\n"),
      ("ZREVRANGEBYSCORE z (4 2", "*2\r\n$1\r\nc\r\n$1\r\nb\r\n"),
      ("ZRANGEBYSCORE z 1 2 BYSCORE", "-ERR syntax error\r\n"),
      ("ZADD lex 0 a 0 b 0 c 0 d 0 e", ":5\r\n"),
      ("ZRANGEBYLEX lex [b (d", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n"),
      ("ZRANGEBYLEX lex - [c LIMIT 1 5", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n"),
      ("ZREVRANGEBYLEX lex + (c", "*2\r\n$1\r\ne\r\n$1\r\nd\r\n"),
      ("ZREVRANGEBYLEX lex [d [b LIMIT 1 1", "*1\r\n$1\r\nc\r\n"),
      ("ZRANGE lex [d (a BYLEX REV", "*3\r\n$1\r\nd\r\n$1\r\nc\r\n$1\r\nb\r\n"),
      ("ZRANGEBYLEX lex + -", "*0\r\n"),
      ("ZRANGEBYLEX lex [ [zz", "*5\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n"),
      ("ZLEXCOUNT lex (a [d", ":3\r\n"),
      ("ZLEXCOUNT lex - -", ":0\r\n"),
      ("ZRANGESTORE out z 1 2", ":2\r\n"),
      ("ZRANGE out 0 -1 WITHSCORES", "*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\nc\r\n$1\r\n3\r\n"),
      ("ZRANGESTORE out lex - (c BYLEX", ":2\r\n"),
      ("ZRANGE out 0 -1 WITHSCORES", "*4\r\n$1\r\na\r\n$1\r\n0\r\n$1\r\nb\r\n$1\r\n0\r\n"),
      ("ZRANGESTORE out z 2 4 BYSCORE LIMIT 1 1", ":1\r\n"),
      ("ZRANGE out 0 -1 WITHSCORES", "*2\r\n$1\r\nc\r\n$1\r\n3\r\n"),
      ("ZRANGESTORE out z 9 10", ":0\r\n"),
      ("EXISTS out", ":0\r\n"),
      ("ZRANGESTORE out z 0 1 WITHSCORES", "-ERR syntax error\r\n"),
      ("ZREMRANGEBYRANK z 1 1", ":1\r\n"),
      ("ZREMRANGEBYRANK z 5 6", ":0\r\n"),
      ("ZREMRANGEBYSCORE z (1 3", ":1\r\n"),
      ("ZREMRANGEBYLEX lex [b [c", ":2\r\n"),
      ("ZREMRANGEBYLEX lex b c", "-ERR min or max not valid string range item\r\n"),
      ("ZREMRANGEBYSCORE z x 1", "-ERR min or max is not a float\r\n"),
      ("ZREMRANGEBYRANK z x 1", "-ERR value is not an integer or out of range\r\n"),
      ("ZREMRANGEBYRANK none 0 -1", ":0\r\n"),
      ("ZRANGE z 0 -1", "*3\r\n$1\r\na\r\n$1\r\nd\r\n$1\r\ne\r\n"),
      ("ZRANGE lex 0 -1", "*3\r\n$1\r\na\r\n$1\r\nd\r\n$1\r\ne\r\n"),
      ("ZREMRANGEBYRANK z 0 -1", ":3\r\n"),
      ("EXISTS z", ":0\r\n"),
    ]),
  NotedReplies(
    about: "pops", version: 2,
    lines: [
      ("ZADD z 1 a 2 b 3 c 4 d 5 e", ":5\r\n"),
      ("ZPOPMIN z", "*2\r\n$1\r\na\r\n$1\r\n1\r\n"),
      ("ZPOPMAX z 2", "*4\r\n$1\r\ne\r\n$1\r\n5\r\n$1\r\nd\r\n$1\r\n4\r\n"),
      ("ZPOPMIN z 0", "*0\r\n"),
      ("ZPOPMIN z -1", "-ERR value is out of range, must be positive\r\n"),
      ("ZPOPMIN z x", "-ERR value is out of range, must be positive\r\n"),
      ("ZPOPMIN z 1 2", "-ERR syntax error\r\n"),
      ("ZPOPMIN none", "*0\r\n"),
      ("ZPOPMIN none 3", "*0\r\n"),
      ("ZMPOP 2 none z MIN", "*2\r\n$1\r\nz\r\n*1\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n"),
      ("ZMPOP 1 none MAX", "*-1\r\n"),
      ("ZADD z 1 a 2 b 3 c", ":2\r\n"),
      (
        "ZMPOP 2 none z MAX COUNT 2",
        "*2\r\n$1\r\nz\r\n*2\r\n*2\r\n$1\r\nc\r\n$1\r\n3\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n"
      ),
      ("ZMPOP 0 z MIN", "-ERR numkeys should be greater than 0\r\n"),
      ("ZMPOP x z MIN", "-ERR numkeys should be greater than 0\r\n"),
      ("ZMPOP 3 z MIN", "-ERR syntax error\r\n"),
      ("ZMPOP 1 z UP", "-ERR syntax error\r\n"),
      ("ZMPOP 1 z MIN COUNT 0", "-ERR count should be greater than 0\r\n"),
      ("ZMPOP 1 z MIN COUNT 1 COUNT 1", "-ERR syntax error\r\n"),
      ("ZMPOP 1 z MIN COUNT", "-ERR syntax error\r\n"),
      ("ZMPOP 1 z MIN COUNT 10", "*2\r\n$1\r\nz\r\n*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"),
      ("ZMPOP 1 z MIN COUNT 10", "*-1\r\n"),
      ("EXISTS z", ":0\r\n"),
      ("ZADD z 1 a 2 b", ":2\r\n"),
      ("BZPOPMIN none z 0", "*3\r\n$1\r\nz\r\n$1\r\na\r\n$1\r\n1\r\n"),
      ("BZPOPMAX z 0", "*3\r\n$1\r\nz\r\n$1\r\nb\r\n$1\r\n2\r\n"),
      ("BZPOPMIN z x", "-ERR timeout is not a float or out of range\r\n"),
      ("BZPOPMIN z -1", "-ERR timeout is negative\r\n"),
      ("BZMPOP 0 1 none UP", "-ERR syntax error\r\n"),
      ("BZMPOP -1 1 none MIN", "-ERR timeout is negative\r\n"),
      ("BZMPOP 0 1 none MIN COUNT 0", "-ERR count should be greater than 0\r\n"),
      ("SET s v", "+OK\r\n"),
      ("BZPOPMIN s 0", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
      (
        "BZMPOP 0 1 s MIN",
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
      ),
    ]),
  NotedReplies(
    about: "algebra", version: 2,
    lines: [
      ("ZADD a 1 x 2 y 3 z", ":3\r\n"),
      ("ZADD b 10 y 20 z 30 w", ":3\r\n"),
      (
        "ZUNION 2 a b WITHSCORES",
        "*8\r\n$1\r\nx\r\n$1\r\n1\r\n$1\r\ny\r\n$2\r\n12\r\n$1\r\nz\r\n$2\r\n23\r\n$1\r\nw\r\n$2\r\n30\r\n"
      ),
      ("ZUNION 2 a none", "*3\r\n$1\r\nx\r\n$1\r\ny\r\n$1\r\nz\r\n"),
      ("ZINTER 2 a b WITHSCORES", "*4\r\n$1\r\ny\r\n$2\r\n12\r\n$1\r\nz\r\n$2\r\n23\r\n"),
      ("ZINTER 2 a none", "*0\r\n"),
      ("ZDIFF 2 a b WITHSCORES", "*2\r\n$1\r\nx\r\n$1\r\n1\r\n"),
      ("ZDIFF 2 a a", "*0\r\n"),
      (
        "ZUNION 2 a b WEIGHTS 2 0.5 AGGREGATE MAX WITHSCORES",
        "*8\r\n$1\r\nx\r\n$1\r\n2\r\n$1\r\ny\r\n$1\r\n5\r\n$1\r\nz\r\n$2\r\n10\r\n$1\r\nw\r\n$2\r\n15\r\n"
      ),
      (
        "ZINTER 2 a b WEIGHTS 1 -1 AGGREGATE MIN WITHSCORES",
        "*4\r\n$1\r\nz\r\n$3\r\n-20\r\n$1\r\ny\r\n$3\r\n-10\r\n"
      ),
      (
        "ZUNION 2 a a WITHSCORES",
        "*6\r\n$1\r\nx\r\n$1\r\n2\r\n$1\r\ny\r\n$1\r\n4\r\n$1\r\nz\r\n$1\r\n6\r\n"
      ),
      ("ZUNIONSTORE out 2 a b", ":4\r\n"),
      (
        "ZRANGE out 0 -1 WITHSCORES",
        "*8\r\n$1\r\nx\r\n$1\r\n1\r\n$1\r\ny\r\n$2\r\n12\r\n$1\r\nz\r\n$2\r\n23\r\n$1\r\nw\r\n$2\r\n30\r\n"
      ),
      ("ZINTERSTORE out 2 a b AGGREGATE SUM", ":2\r\n"),
      ("ZRANGE out 0 -1 WITHSCORES", "*4\r\n$1\r\ny\r\n$2\r\n12\r\n$1\r\nz\r\n$2\r\n23\r\n"),
      ("ZDIFFSTORE out 2 a b", ":1\r\n"),
      ("ZRANGE out 0 -1 WITHSCORES", "*2\r\n$1\r\nx\r\n$1\r\n1\r\n"),
      ("ZDIFFSTORE out 1 none", ":0\r\n"),
      ("EXISTS out", ":0\r\n"),
      ("ZINTERCARD 2 a b", ":2\r\n"),
      ("ZINTERCARD 2 a b LIMIT 1", ":1\r\n"),
      ("ZINTERCARD 2 a b LIMIT 0", ":2\r\n"),
      ("ZINTERCARD 2 a b LIMIT -1", "-ERR LIMIT can't be negative\r\n"),
      ("ZINTERCARD 2 a b LIMIT x", "-ERR LIMIT can't be negative\r\n"),
      ("ZINTERCARD 2 a b WEIGHTS 1 2", "-ERR syntax error\r\n"),
      ("ZADD i inf m", ":1\r\n"),
      ("ZADD j -inf m", ":1\r\n"),
      ("ZUNION 2 i j WITHSCORES", "*2\r\n$1\r\nm\r\n$1\r\n0\r\n"),
      ("ZUNION 1 i WEIGHTS 0 WITHSCORES", "*2\r\n$1\r\nm\r\n$1\r\n0\r\n"),
      ("ZINTER 2 i j WEIGHTS 1 0 WITHSCORES", "*2\r\n$1\r\nm\r\n$1\r\n0\r\n"),
      ("ZINTER 2 i j WEIGHTS 1 0 AGGREGATE MIN WITHSCORES", "*2\r\n$1\r\nm\r\n$3\r\ninf\r\n"),
      ("ZUNION 0 a", "-ERR at least 1 input key is needed for 'zunion' command\r\n"),
      ("ZUNIONSTORE out 0 a", "-ERR at least 1 input key is needed for 'zunionstore' command\r\n"),
      ("ZUNION x a", "-ERR value is not an integer or out of range\r\n"),
      ("ZUNION 3 a b", "-ERR syntax error\r\n"),
      ("ZUNION 2 a b WEIGHTS 1", "-ERR syntax error\r\n"),
      ("ZUNION 2 a b WEIGHTS 1 x", "-ERR weight value is not a float\r\n"),
      ("ZUNION 2 a b AGGREGATE AVG", "-ERR syntax error\r\n"),
      ("ZUNION 2 a b LIMIT 1", "-ERR syntax error\r\n"),
      ("ZUNIONSTORE out 2 a b WITHSCORES", "-ERR syntax error\r\n"),
      ("ZDIFF 2 a b WEIGHTS 1 2", "-ERR syntax error\r\n"),
      ("SET s v", "+OK\r\n"),
      (
        "ZUNION 2 a s BAD",
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
      ),
    ]),
  NotedReplies(
    about: "chance", version: 2,
    lines: [
      ("ZADD z 1 a", ":1\r\n"),
      ("ZRANDMEMBER z", "$1\r\na\r\n"),
      ("ZRANDMEMBER none", "$-1\r\n"),
      ("ZRANDMEMBER z 3", "*1\r\n$1\r\na\r\n"),
      ("ZRANDMEMBER z -3", "*3\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n"),
      ("ZRANDMEMBER z 1 WITHSCORES", "*2\r\n$1\r\na\r\n$1\r\n1\r\n"),
      ("ZRANDMEMBER z 0", "*0\r\n"),
      ("ZRANDMEMBER none 2", "*0\r\n"),
      ("ZRANDMEMBER z x", "-ERR value is not an integer or out of range\r\n"),
      ("ZRANDMEMBER z 1 NOSCORES", "-ERR syntax error\r\n"),
      ("ZRANDMEMBER z 1 WITHSCORES x", "-ERR syntax error\r\n"),
      (
        "ZRANDMEMBER z -9223372036854775808",
        "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n"
      ),
      ("ZRANDMEMBER z 9223372036854775807 WITHSCORES", "-ERR value is out of range\r\n"),
      ("ZRANDMEMBER z 9223372036854775807", "*1\r\n$1\r\na\r\n"),
      ("ZADD all 1 a 2 b 3 c", ":3\r\n"),
      ("ZRANDMEMBER all 3", "*3\r\n$1\r\nc\r\n$1\r\nb\r\n$1\r\na\r\n"),
      ("ZSCAN z 0", "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"),
      ("ZSCAN z x", "-ERR invalid cursor\r\n"),
      ("ZSCAN none 0 BAD", "*2\r\n$1\r\n0\r\n*0\r\n"),
      ("ZSCAN z 0 COUNT 0", "-ERR syntax error\r\n"),
      ("ZSCAN z 0 COUNT x", "-ERR value is not an integer or out of range\r\n"),
      ("ZSCAN z 0 MATCH b*", "*2\r\n$1\r\n0\r\n*0\r\n"),
      ("ZSCAN z 0 TYPE zset", "-ERR syntax error\r\n"),
      ("SORT z BY nosort", "*1\r\n$1\r\na\r\n"),
      ("SORT z ALPHA DESC", "*1\r\n$1\r\na\r\n"),
      ("SORT z", "-ERR One or more scores can't be converted into double\r\n"),
    ]),
  NotedReplies(
    about: "RESP3", version: 3,
    lines: [
      ("ZADD z 1 a 2.5 b 0.1 c inf d", ":4\r\n"),
      ("ZSCORE z a", ",1\r\n"),
      ("ZSCORE z none", "_\r\n"),
      ("ZMSCORE z b none", "*2\r\n,2.5\r\n_\r\n"),
      ("ZADD z INCR 1 c", ",1.1000000000000001\r\n"),
      ("ZADD z NX INCR 1 c", "_\r\n"),
      (
        "ZRANGE z 0 -1 WITHSCORES",
        "*4\r\n*2\r\n$1\r\na\r\n,1\r\n*2\r\n$1\r\nc\r\n,1.1000000000000001\r\n*2\r\n$1\r\nb\r\n,2.5\r\n*2\r\n$1\r\nd\r\n,inf\r\n"
      ),
      ("ZRANGE z 0 0", "*1\r\n$1\r\na\r\n"),
      (
        "ZRANGEBYSCORE z 1 2 WITHSCORES",
        "*2\r\n*2\r\n$1\r\na\r\n,1\r\n*2\r\n$1\r\nc\r\n,1.1000000000000001\r\n"
      ),
      ("ZRANK none a", "_\r\n"),
      (
        "ZINTER 1 z WITHSCORES",
        "*4\r\n*2\r\n$1\r\na\r\n,1\r\n*2\r\n$1\r\nc\r\n,1.1000000000000001\r\n*2\r\n$1\r\nb\r\n,2.5\r\n*2\r\n$1\r\nd\r\n,inf\r\n"
      ),
      ("ZUNION 1 z", "*4\r\n$1\r\na\r\n$1\r\nc\r\n$1\r\nb\r\n$1\r\nd\r\n"),
      ("ZRANDMEMBER none", "_\r\n"),
      ("ZRANDMEMBER none 3", "*0\r\n"),
      (
        "ZSCAN z 0",
        "*2\r\n$1\r\n0\r\n*8\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nc\r\n$18\r\n1.1000000000000001\r\n$1\r\nb\r\n$3\r\n2.5\r\n$1\r\nd\r\n$3\r\ninf\r\n"
      ),
      ("ZPOPMIN none", "*0\r\n"),
      ("ZMPOP 1 none MIN", "_\r\n"),
      ("ZPOPMIN z", "*2\r\n$1\r\na\r\n,1\r\n"),
      ("ZPOPMIN z 1", "*1\r\n*2\r\n$1\r\nc\r\n,1.1000000000000001\r\n"),
      ("BZPOPMAX z 0", "*3\r\n$1\r\nz\r\n$1\r\nd\r\n,inf\r\n"),
      ("ZMPOP 1 z MIN", "*2\r\n$1\r\nz\r\n*1\r\n*2\r\n$1\r\nb\r\n,2.5\r\n"),
      ("ZADD one 1 a", ":1\r\n"),
      ("ZRANDMEMBER one 2 WITHSCORES", "*1\r\n*2\r\n$1\r\na\r\n,1\r\n"),
      ("ZRANDMEMBER one -2 WITHSCORES", "*2\r\n*2\r\n$1\r\na\r\n,1\r\n*2\r\n$1\r\na\r\n,1\r\n"),
    ]),
]
