// StreamCommandTests.swift: stream commands answer as redis-server 7.0.15 does.
//
// The replies were noted from one that was sent the same requests; `|` stands for CR LF.

import Testing

@testable import Broker

/// Goal: replies are Redis', byte for byte. Method: requests in a row, their replies compared.
@Test(arguments: [entries, groups])
private func streamCommandsAnswerAsRedis(transcript: String) {
  var harness = EngineHarness(logging: true), copy = EngineHarness(seed: 2)
  let client = harness.client()
  let lines = transcript.split(separator: "\n")
  for index in stride(from: 0, to: lines.count, by: 2) {
    let request = String(lines[index].dropFirst(2))
    let reply = harness.send(client, request).replacing("\r\n", with: "|")
    #expect(reply == lines[index + 1], "\(request)")
    harness.checkInvariants()
  }
  let (body, count) = harness.frame()
  #expect(throws: Never.self) { try copy.replay(body, count: count) }
  let same = harness.engine.context.digest() == copy.engine.context.digest()
  #expect(same, "what is logged makes the same streams")
}

private let entries = """
  > XADD s 0-0 a b
  -ERR The ID specified in XADD must be greater than 0-0|
  > XADD s 0-* a b
  $3|0-1|
  > XADD s 0-* a 12 b x
  $3|0-2|
  > XADD s 0-1 a b
  -ERR The ID specified in XADD is equal or smaller than the target stream top item|
  > XADD s 1 a b
  $3|1-0|
  > XADD s 1-* a b
  $3|1-1|
  > XADD s 5-5 c d
  $3|5-5|
  > XADD s 5-4 c d
  -ERR The ID specified in XADD is equal or smaller than the target stream top item|
  > XADD s x c d
  -ERR Invalid stream ID specified as stream command argument|
  > XADD s 5-x c d
  -ERR Invalid stream ID specified as stream command argument|
  > XADD s + c d
  -ERR Invalid stream ID specified as stream command argument|
  > XADD s 6-6 c
  -ERR wrong number of arguments for 'xadd' command|
  > XADD s 6-6
  -ERR wrong number of arguments for 'xadd' command|
  > XADD none NOMKSTREAM 6-6 a b
  $-1|
  > XADD s NOMKSTREAM MAXLEN = 4 6-6 a b
  $3|6-6|
  > XADD s MAXLEN 10 MINID 5 7 a b
  -ERR syntax error, MAXLEN and MINID options at the same time are not compatible|
  > XADD s MAXLEN ~ 10 LIMIT -1 7 a b
  -ERR The LIMIT argument must be >= 0.|
  > XADD s MAXLEN 10 LIMIT 5 7 a b
  -ERR syntax error, LIMIT cannot be used without the special ~ option|
  > XADD s LIMIT 5 7 a b
  -ERR syntax error, LIMIT cannot be used without specifying a trimming strategy|
  > XADD s MAXLEN -1 7 a b
  -ERR The MAXLEN argument must be >= 0.|
  > XADD s MAXLEN x 7 a b
  -ERR value is not an integer or out of range|
  > XADD s MINID x 7 a b
  -ERR Invalid stream ID specified as stream command argument|
  > XADD s MAXLEN ~ 0 LIMIT 0 7-1 a b
  $3|7-1|
  > XLEN s
  :0|
  > XLEN none
  :0|
  > XADD s 18446744073709551615-18446744073709551615 a b
  $41|18446744073709551615-18446744073709551615|
  > XADD s 18446744073709551615-18446744073709551615 a b
  -ERR The stream has exhausted the last possible ID, unable to add more items|
  > XADD s * a b
  -ERR The stream has exhausted the last possible ID, unable to add more items|
  > DEL s
  :1|
  > XADD s 1-1 a 1 b 2
  $3|1-1|
  > XADD s 1-2 a -5 b 9223372036854775807
  $3|1-2|
  > XADD s 2-0 other 007
  $3|2-0|
  > XADD s 3-0 a 1.5 b -0
  $3|3-0|
  > XRANGE s - +
  *4|*2|$3|1-1|*4|$1|a|$1|1|$1|b|$1|2|*2|$3|1-2|*4|$1|a|$2|-5|$1|b|$19|9223372036854775807|*2|$3|\
  2-0|*2|$5|other|$3|007|*2|$3|3-0|*4|$1|a|$3|1.5|$1|b|$2|-0|
  > XRANGE s (1-1 (3-0
  *2|*2|$3|1-2|*4|$1|a|$2|-5|$1|b|$19|9223372036854775807|*2|$3|2-0|*2|$5|other|$3|007|
  > XRANGE s 1 1
  *2|*2|$3|1-1|*4|$1|a|$1|1|$1|b|$1|2|*2|$3|1-2|*4|$1|a|$2|-5|$1|b|$19|9223372036854775807|
  > XRANGE s (1 + COUNT 1
  *1|*2|$3|1-1|*4|$1|a|$1|1|$1|b|$1|2|
  > XRANGE s - + COUNT 0
  *-1|
  > XRANGE s - + COUNT -5
  *-1|
  > XRANGE none - + COUNT 0
  *0|
  > XRANGE s + -
  *0|
  > XRANGE s - + COUNT
  -ERR syntax error|
  > XRANGE s - + COUNT x
  -ERR value is not an integer or out of range|
  > XRANGE s (18446744073709551615-18446744073709551615 +
  -ERR invalid start ID for the interval|
  > XRANGE s - (0-0
  -ERR invalid end ID for the interval|
  > XRANGE s (- +
  -ERR Invalid stream ID specified as stream command argument|
  > XRANGE s x +
  -ERR Invalid stream ID specified as stream command argument|
  > XREVRANGE s + - COUNT 2
  *2|*2|$3|3-0|*4|$1|a|$3|1.5|$1|b|$2|-0|*2|$3|2-0|*2|$5|other|$3|007|
  > XREVRANGE s 2 1-2
  *2|*2|$3|2-0|*2|$5|other|$3|007|*2|$3|1-2|*4|$1|a|$2|-5|$1|b|$19|9223372036854775807|
  > XREVRANGE s (3-0 -
  *3|*2|$3|2-0|*2|$5|other|$3|007|*2|$3|1-2|*4|$1|a|$2|-5|$1|b|$19|9223372036854775807|*2|$3|1-1|\
  *4|$1|a|$1|1|$1|b|$1|2|
  > XDEL s 1-2 9-9
  :1|
  > XDEL s x
  -ERR Invalid stream ID specified as stream command argument|
  > XDEL none 1-1
  :0|
  > XINFO STREAM s
  *20|$6|length|:3|$15|radix-tree-keys|:1|$16|radix-tree-nodes|:2|$17|last-generated-id|$3|3-0|\
  $20|max-deleted-entry-id|$3|1-2|$13|entries-added|:4|$23|recorded-first-entry-id|$3|1-1|$6|\
  groups|:0|$11|first-entry|*2|$3|1-1|*4|$1|a|$1|1|$1|b|$1|2|$10|last-entry|*2|$3|3-0|*4|$1|a|$3|\
  1.5|$1|b|$2|-0|
  > XTRIM s MAXLEN 2
  :1|
  > XTRIM s MINID 3
  :1|
  > XTRIM s
  -ERR wrong number of arguments for 'xtrim' command|
  > XTRIM s MAXLEN
  -ERR wrong number of arguments for 'xtrim' command|
  > XTRIM s MAXLEN = 1 LIMIT 3
  -ERR syntax error, LIMIT cannot be used without the special ~ option|
  > XTRIM s MAXLEN 1 WHAT
  -ERR syntax error|
  > XTRIM none MAXLEN 5
  :0|
  > XLEN s
  :1|
  > XSETID s 2-0
  -ERR The ID specified in XSETID is smaller than the target stream top item|
  > XSETID s 9-0 ENTRIESADDED 10 MAXDELETEDID 8-0
  +OK|
  > XSETID s 9-0 ENTRIESADDED 0
  -ERR The entries_added specified in XSETID is smaller than the target stream length|
  > XSETID s 9-0 ENTRIESADDED -1
  -ERR entries_added must be positive|
  > XSETID s 9-0 MAXDELETEDID 10-0
  -ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id|
  > XSETID s 9-0 WHAT 1
  -ERR syntax error|
  > XSETID none 9-0
  -ERR no such key|
  > XSETID s x
  -ERR Invalid stream ID specified as stream command argument|
  > XINFO STREAM s FULL
  *18|$6|length|:1|$15|radix-tree-keys|:1|$16|radix-tree-nodes|:2|$17|last-generated-id|$3|9-0|\
  $20|max-deleted-entry-id|$3|8-0|$13|entries-added|:10|$23|recorded-first-entry-id|$3|3-0|$7|\
  entries|*1|*2|$3|3-0|*4|$1|a|$3|1.5|$1|b|$2|-0|$6|groups|*0|
  > XREAD STREAMS s 0
  *1|*2|$1|s|*1|*2|$3|3-0|*4|$1|a|$3|1.5|$1|b|$2|-0|
  > XREAD COUNT 1 STREAMS s none 0 0
  *1|*2|$1|s|*1|*2|$3|3-0|*4|$1|a|$3|1.5|$1|b|$2|-0|
  > XREAD STREAMS s $
  *-1|
  > XREAD STREAMS s 9
  *-1|
  > XREAD STREAMS s >
  -ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> \
  option.|
  > XREAD STREAMS s
  -ERR wrong number of arguments for 'xread' command|
  > XREAD STREAMS a b 0
  -ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.|
  > XREAD COUNT x STREAMS s 0
  -ERR value is not an integer or out of range|
  > XREAD BLOCK -1 STREAMS s $
  -ERR timeout is negative|
  > XREAD BLOCK x STREAMS s $
  -ERR timeout is not an integer or out of range|
  > XREAD GROUP g c STREAMS s 0
  -ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.|
  > XREAD NOACK STREAMS s 0
  -ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.|
  > XREAD WHAT STREAMS s 0
  -ERR syntax error|
  > SET str v
  +OK|
  > XADD str * a b
  -WRONGTYPE Operation against a key holding the wrong kind of value|
  > XLEN str
  -WRONGTYPE Operation against a key holding the wrong kind of value|
  > XRANGE str - +
  -WRONGTYPE Operation against a key holding the wrong kind of value|
  > XREAD STREAMS str 0
  -WRONGTYPE Operation against a key holding the wrong kind of value|
  > XINFO STREAM str
  -WRONGTYPE Operation against a key holding the wrong kind of value|
  > XINFO STREAM none
  -ERR no such key|
  > XINFO STREAM s WHAT
  -ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.|
  > XINFO WHAT s
  -ERR unknown subcommand 'WHAT'. Try XINFO HELP.|
  > XINFO
  -ERR wrong number of arguments for 'xinfo' command|
  > XINFO STREAM
  -ERR wrong number of arguments for 'xinfo|stream' command|
  > OBJECT ENCODING s
  $6|stream|
  > TYPE s
  +stream|
  """

private let groups = """
  > XGROUP CREATE s g 0
  -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
  the MKSTREAM option to create an empty stream automatically.|
  > XGROUP CREATE s g $ MKSTREAM
  +OK|
  > XGROUP CREATE s g $
  -BUSYGROUP Consumer Group name already exists|
  > XINFO STREAM s
  *20|$6|length|:0|$15|radix-tree-keys|:0|$16|radix-tree-nodes|:1|$17|last-generated-id|$3|0-0|\
  $20|max-deleted-entry-id|$3|0-0|$13|entries-added|:0|$23|recorded-first-entry-id|$3|0-0|$6|\
  groups|:1|$11|first-entry|$-1|$10|last-entry|$-1|
  > XINFO GROUPS s
  *1|*12|$4|name|$1|g|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|$3|0-0|$12|\
  entries-read|$-1|$3|lag|:0|
  > XADD s 1-0 a 1
  $3|1-0|
  > XADD s 2-0 a 2
  $3|2-0|
  > XADD s 3-0 a 3
  $3|3-0|
  > XADD s 4-0 a 4
  $3|4-0|
  > XGROUP CREATE s h 2-0 ENTRIESREAD 2
  +OK|
  > XGROUP CREATE s bad 0 ENTRIESREAD -2
  -ERR value for ENTRIESREAD must be positive or -1|
  > XGROUP CREATE s bad 0 ENTRIESREAD
  -ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.|
  > XGROUP CREATE s bad x
  -ERR Invalid stream ID specified as stream command argument|
  > XGROUP CREATE s bad 0 WHAT
  -ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.|
  > XGROUP CREATE s bad
  -ERR wrong number of arguments for 'xgroup|create' command|
  > XINFO GROUPS s
  *2|*12|$4|name|$1|g|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|$3|0-0|$12|\
  entries-read|$-1|$3|lag|:4|*12|$4|name|$1|h|$9|consumers|:0|$7|pending|:0|$17|\
  last-delivered-id|$3|2-0|$12|entries-read|:2|$3|lag|:2|
  > XREADGROUP GROUP g c1 COUNT 2 STREAMS s >
  *1|*2|$1|s|*2|*2|$3|1-0|*2|$1|a|$1|1|*2|$3|2-0|*2|$1|a|$1|2|
  > XREADGROUP GROUP g c2 STREAMS s >
  *1|*2|$1|s|*2|*2|$3|3-0|*2|$1|a|$1|3|*2|$3|4-0|*2|$1|a|$1|4|
  > XREADGROUP GROUP g c2 STREAMS s >
  *-1|
  > XREADGROUP GROUP g c1 STREAMS s 0
  *1|*2|$1|s|*2|*2|$3|1-0|*2|$1|a|$1|1|*2|$3|2-0|*2|$1|a|$1|2|
  > XREADGROUP GROUP g c1 STREAMS s 1
  *1|*2|$1|s|*1|*2|$3|2-0|*2|$1|a|$1|2|
  > XREADGROUP GROUP g c3 STREAMS s 0
  *1|*2|$1|s|*0|
  > XREADGROUP GROUP none c1 STREAMS s >
  -NOGROUP No such key 's' or consumer group 'none' in XREADGROUP with GROUP option|
  > XREADGROUP GROUP g c1 STREAMS none >
  -NOGROUP No such key 'none' or consumer group 'g' in XREADGROUP with GROUP option|
  > XREADGROUP GROUP g c1 STREAMS s $
  -ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of \
  this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would \
  just return an empty result set.|
  > XREADGROUP STREAMS s none other > > >
  -ERR Missing GROUP option for XREADGROUP|
  > XREADGROUP GROUP g c1 NOACK STREAMS s x
  -ERR Invalid stream ID specified as stream command argument|
  > XINFO GROUPS s
  *2|*12|$4|name|$1|g|$9|consumers|:3|$7|pending|:4|$17|last-delivered-id|$3|4-0|$12|\
  entries-read|:4|$3|lag|:0|*12|$4|name|$1|h|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|\
  $3|2-0|$12|entries-read|:2|$3|lag|:2|
  > XPENDING s g
  *4|:4|$3|1-0|$3|4-0|*2|*2|$2|c1|$1|2|*2|$2|c2|$1|2|
  > XPENDING s h
  *4|:0|$-1|$-1|*-1|
  > XPENDING s none
  -NOGROUP No such key 's' or consumer group 'none'|
  > XPENDING none g
  -NOGROUP No such key 'none' or consumer group 'g'|
  > XPENDING s g - +
  -ERR syntax error|
  > XPENDING s g - + x
  -ERR value is not an integer or out of range|
  > XPENDING s g IDLE 5 - +
  -ERR syntax error|
  > XPENDING s g IDLE 100000 - + 10
  *0|
  > XPENDING s g - + 10 nobody
  *0|
  > XPENDING s g + - 10
  *0|
  > XPENDING s g (1-0 (3-0 -5
  *0|
  > XACK s g 1-0 9-0
  :1|
  > XACK s none 1-0
  :0|
  > XACK none g 1-0
  :0|
  > XACK s g x
  -ERR Invalid stream ID specified as stream command argument|
  > XPENDING s g
  *4|:3|$3|2-0|$3|4-0|*2|*2|$2|c1|$1|1|*2|$2|c2|$1|2|
  > XDEL s 2-0
  :1|
  > XREADGROUP GROUP g c1 STREAMS s 0
  *1|*2|$1|s|*1|*2|$3|2-0|*-1|
  > XINFO GROUPS s
  *2|*12|$4|name|$1|g|$9|consumers|:3|$7|pending|:3|$17|last-delivered-id|$3|4-0|$12|\
  entries-read|:4|$3|lag|:0|*12|$4|name|$1|h|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|\
  $3|2-0|$12|entries-read|:2|$3|lag|$-1|
  > XCLAIM s g c3 0 3-0 JUSTID
  *1|$3|3-0|
  > XCLAIM s g c3 0 4-0 9-0 2-0
  *1|*2|$3|4-0|*2|$1|a|$1|4|
  > XCLAIM s g c3 0 1-0 FORCE JUSTID RETRYCOUNT 7
  *1|$3|1-0|
  > XCLAIM s g c3 100000 1-0
  *0|
  > XCLAIM s g c3 x 1-0
  -ERR Invalid min-idle-time argument for XCLAIM|
  > XCLAIM s none c3 0 1-0
  -NOGROUP No such key 's' or consumer group 'none'|
  > XCLAIM none g c3 0 1-0
  -NOGROUP No such key 'none' or consumer group 'g'|
  > XCLAIM s g c3 0 1-0 WHAT
  -ERR Unrecognized XCLAIM option 'WHAT'|
  > XCLAIM s g c3 0 1-0 IDLE x
  -ERR Invalid IDLE option argument for XCLAIM|
  > XCLAIM s g c3 0 1-0 TIME x
  -ERR Invalid TIME option argument for XCLAIM|
  > XCLAIM s g c3 0 1-0 RETRYCOUNT x
  -ERR Invalid RETRYCOUNT option argument for XCLAIM|
  > XCLAIM s g c3 0 1-0 LASTID x
  -ERR Invalid stream ID specified as stream command argument|
  > XCLAIM s g c4 0 1-0 LASTID 5-0 JUSTID
  *1|$3|1-0|
  > XPENDING s g
  *4|:3|$3|1-0|$3|4-0|*2|*2|$2|c3|$1|2|*2|$2|c4|$1|1|
  > XINFO GROUPS s
  *2|*12|$4|name|$1|g|$9|consumers|:4|$7|pending|:3|$17|last-delivered-id|$3|5-0|$12|\
  entries-read|:4|$3|lag|:0|*12|$4|name|$1|h|$9|consumers|:0|$7|pending|:0|$17|last-delivered-id|\
  $3|2-0|$12|entries-read|:2|$3|lag|$-1|
  > XAUTOCLAIM s g c5 0 - COUNT 1 JUSTID
  *3|$3|3-0|*1|$3|1-0|*0|
  > XDEL s 3-0
  :1|
  > XAUTOCLAIM s g c5 0 (1-0
  *3|$3|0-0|*1|*2|$3|4-0|*2|$1|a|$1|4|*1|$3|3-0|
  > XAUTOCLAIM s g c5 0 - COUNT 0
  -ERR COUNT must be > 0|
  > XAUTOCLAIM s g c5 0 - COUNT x
  -ERR COUNT must be > 0|
  > XAUTOCLAIM s g c5 0 - WHAT
  -ERR syntax error|
  > XAUTOCLAIM s g c5 x -
  -ERR Invalid min-idle-time argument for XAUTOCLAIM|
  > XAUTOCLAIM s none c5 0 -
  -NOGROUP No such key 's' or consumer group 'none'|
  > XAUTOCLAIM s g c5 0 x
  -ERR Invalid stream ID specified as stream command argument|
  > XAUTOCLAIM s g c5 100000 -
  *3|$3|0-0|*0|*0|
  > XGROUP CREATECONSUMER s g new
  :1|
  > XGROUP CREATECONSUMER s g new
  :0|
  > XGROUP CREATECONSUMER s none new
  -NOGROUP No such consumer group 'none' for key name 's'|
  > XGROUP DELCONSUMER s g c5
  :2|
  > XGROUP DELCONSUMER s g nobody
  :0|
  > XGROUP SETID s g 1-0 ENTRIESREAD 1
  +OK|
  > XGROUP SETID s g $ WHAT
  -ERR unknown subcommand or wrong number of arguments for 'SETID'. Try XGROUP HELP.|
  > XGROUP SETID s none 0
  -NOGROUP No such consumer group 'none' for key name 's'|
  > XGROUP SETID none g 0
  -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
  the MKSTREAM option to create an empty stream automatically.|
  > XINFO GROUPS s
  *2|*12|$4|name|$1|g|$9|consumers|:5|$7|pending|:0|$17|last-delivered-id|$3|1-0|$12|\
  entries-read|:1|$3|lag|$-1|*12|$4|name|$1|h|$9|consumers|:0|$7|pending|:0|$17|\
  last-delivered-id|$3|2-0|$12|entries-read|:2|$3|lag|$-1|
  > XREADGROUP GROUP g new NOACK STREAMS s >
  *1|*2|$1|s|*1|*2|$3|4-0|*2|$1|a|$1|4|
  > XPENDING s g
  *4|:0|$-1|$-1|*-1|
  > XINFO CONSUMERS s none
  -NOGROUP No such consumer group 'none' for key name 's'|
  > XINFO CONSUMERS none g
  -ERR no such key|
  > XGROUP DESTROY s none
  :0|
  > XGROUP DESTROY s h
  :1|
  > XGROUP DESTROY none h
  -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
  the MKSTREAM option to create an empty stream automatically.|
  > XGROUP WHAT s h
  -ERR unknown subcommand 'WHAT'. Try XGROUP HELP.|
  > XGROUP
  -ERR wrong number of arguments for 'xgroup' command|
  > XINFO GROUPS none
  -ERR no such key|
  > COMMAND GETKEYS XREAD COUNT 5 STREAMS a b 0 0
  *2|$1|a|$1|b|
  > COMMAND GETKEYSANDFLAGS XGROUP CREATE s g 0
  *1|*2|$1|s|*2|+RW|+insert|
  """

/// Goal: counters that clients may set to the greatest number go no further, and what is kept of them is
/// read back. Method: each is set so, used, and replayed.
@Test func countersStayAtTheGreatestNumber() throws {
  var harness = EngineHarness(logging: true)
  let client = harness.client(), most = "9223372036854775807"
  for line in [
    "XADD s 1-1 a b", "XADD s 2-1 a b", "XSETID s 2-1 ENTRIESADDED \(most)", "XADD s 3-1 a b",
    "XGROUP CREATE s g 0 ENTRIESREAD \(most)", "XINFO GROUPS s", "XGROUP CREATE s h 1-1",
    "XREADGROUP GROUP g c COUNT 1 STREAMS s >", "XREADGROUP GROUP h c STREAMS s >",
    "XCLAIM s h c 0 2-1 RETRYCOUNT \(most) JUSTID", "XREADGROUP GROUP h c STREAMS s 0",
    "XCLAIM s h c 0 2-1", "XAUTOCLAIM s h c 0 0",
  ] { #expect(!harness.send(client, line).hasPrefix("-"), "\(line)") }
  #expect(harness.send(client, "XINFO STREAM s").contains("entries-added\r\n:\(most)\r\n"))
  let (body, count) = harness.frame()
  var copy = EngineHarness()
  try copy.replay(body, count: count)
  let other = copy.client()
  let pending = harness.send(client, "XPENDING s h - + 9")
  #expect(pending.contains(":\(most)\r\n"))
  #expect(copy.send(other, "XPENDING s h - + 9") == pending)
}

@Test func aGroupThatReadAsManyAsCanBeCountedReadsOn() {
  var harness = EngineHarness()
  let client = harness.client()
  _ = harness.send(client, "XADD x 1-1 a b")
  _ = harness.send(client, "XADD x 2-1 a b")
  _ = harness.send(client, "XGROUP CREATE x g 1-1 ENTRIESREAD 9223372036854775807")
  let reply = harness.send(client, "XREADGROUP GROUP g c STREAMS x >")
  #expect(reply.hasPrefix("*1\r\n"))
}
