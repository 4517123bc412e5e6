// GeoReplies.swift: what redis-server 7.0.15 answered, request by request.
//
// Noted once, from an empty server for each group; the requests of a group build on each other.

let geoReplies: [NotedReplies] = [
  NotedReplies(
    about: "GEOADD", version: 2,
    lines: [
      ("GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2\r\n"),
      ("GEOADD k 13.361389 38.115556 Palermo", ":0\r\n"),
      ("GEOADD k CH 13.4 38.1 Palermo 0 0 zero", ":2\r\n"),
      ("GEOADD k NX 1 1 Palermo 2 2 new", ":1\r\n"),
      ("GEOADD k XX 1 1 none", ":0\r\n"),
      ("GEOADD k XX CH 13.361389 38.115556 Palermo 1 1 none", ":1\r\n"),
      ("GEOADD k nx ch 3 3 third 4 4 Palermo", ":1\r\n"),
      ("GEOADD none XX 1 1 m", ":0\r\n"),
      ("EXISTS none", ":0\r\n"),
      ("GEOADD k NX XX 1 1 m", "-ERR syntax error\r\n"),
      ("GEOADD k CH CH CH", "-ERR syntax error\r\n"),
      ("GEOADD k 1 1 a 2", "-ERR syntax error\r\n"),
      ("GEOADD k 1 1", "-ERR wrong number of arguments for 'geoadd' command\r\n"),
      ("GEOADD k gt 1 1", "-ERR value is not a valid float\r\n"),
      ("GEOADD k 1 north m", "-ERR value is not a valid float\r\n"),
      (
        "GEOADD k 1 1 a 200 10.5 b", "-ERR invalid longitude,latitude pair 200.000000,10.500000\r\n"
      ),
      ("GEOADD k -180.5 0 m", "-ERR invalid longitude,latitude pair -180.500000,0.000000\r\n"),
      ("GEOADD k 0 85.06 m", "-ERR invalid longitude,latitude pair 0.000000,85.060000\r\n"),
      ("GEOADD k 0 -inf m", "-ERR invalid longitude,latitude pair 0.000000,-inf\r\n"),
      ("GEOADD k nan 0 m", "-ERR value is not a valid float\r\n"),
      (
        "ZRANGE k 0 -1 WITHSCORES",
        "*10\r\n$4\r\nzero\r\n$16\r\n3377699720527872\r\n$3\r\nnew\r\n$16\r\n3378191666521995\r\n$5\r\nthird\r\n$16\r\n3379368329318596\r\n$7\r\nPalermo\r\n$16\r\n3479099956230698\r\n$7\r\nCatania\r\n$16\r\n3479447370796909\r\n"
      ),
      ("SET s v", "+OK\r\n"),
      ("GEOADD s 1 1 m", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
      ("GEOADD s 1 x m", "-ERR value is not a valid float\r\n"),
      ("TYPE k", "+zset\r\n"),
      ("OBJECT ENCODING s", "$6\r\nembstr\r\n"),
    ]),
  NotedReplies(
    about: "places and distances", version: 2,
    lines: [
      (
        "GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 0 0 zero -0.0000001 51.4778 Greenwich -73.9857 40.7484 York 151.2153 -33.8568 Sydney",
        ":6\r\n"
      ),
      (
        "ZMSCORE k Palermo Catania zero Greenwich York Sydney",
        "*6\r\n$16\r\n3479099956230698\r\n$16\r\n3479447370796909\r\n$16\r\n3377699720527872\r\n$16\r\n2163546804370094\r\n$16\r\n1791875672646935\r\n$16\r\n3252046274729663\r\n"
      ),
      (
        "GEOPOS k Palermo none Catania zero Greenwich York Sydney",
        "*7\r\n*2\r\n$20\r\n13.36138933897018433\r\n$20\r\n38.11555639549629859\r\n*-1\r\n*2\r\n$20\r\n15.08726745843887329\r\n$20\r\n37.50266842333162032\r\n*2\r\n$19\r\n0.00000268220901489\r\n$19\r\n0.00000126736058093\r\n*2\r\n$20\r\n-0.00000268220901489\r\n$20\r\n51.47780030620258174\r\n*2\r\n$21\r\n-73.98570209741592407\r\n$20\r\n40.74839914563441567\r\n*2\r\n$21\r\n151.21530264616012573\r\n$21\r\n-33.85679901465208985\r\n"
      ),
      ("GEOPOS k", "*0\r\n"),
      ("GEOPOS none a b", "*2\r\n*-1\r\n*-1\r\n"),
      (
        "GEOHASH k Palermo none Catania zero Greenwich York Sydney",
        "*7\r\n$11\r\nsqc8b49rny0\r\n$-1\r\n$11\r\nsqdtr74hyu0\r\n$11\r\ns0000000000\r\n$11\r\ngcpuzgpzzv0\r\n$11\r\ndr5ru6j28h0\r\n$11\r\nr3gx2ux9gg0\r\n"
      ),
      ("GEOHASH k", "*0\r\n"),
      ("GEOHASH none a", "*1\r\n$-1\r\n"),
      ("GEODIST k Palermo Catania", "$11\r\n166274.1516\r\n"),
      ("GEODIST k Palermo Catania m", "$11\r\n166274.1516\r\n"),
      ("GEODIST k Palermo Catania KM", "$8\r\n166.2742\r\n"),
      ("GEODIST k Palermo Catania mi", "$8\r\n103.3182\r\n"),
      ("GEODIST k Palermo Catania ft", "$11\r\n545518.8700\r\n"),
      ("GEODIST k York Sydney km", "$10\r\n15994.1881\r\n"),
      ("GEODIST k Palermo Palermo", "$6\r\n0.0000\r\n"),
      ("GEODIST k Palermo none", "$-1\r\n"),
      ("GEODIST none a b", "$-1\r\n"),
      (
        "GEODIST k Palermo Catania parsec",
        "-ERR unsupported unit provided. please use M, KM, FT, MI\r\n"
      ),
      ("GEODIST none a b parsec", "-ERR unsupported unit provided. please use M, KM, FT, MI\r\n"),
      ("GEODIST k Palermo Catania km km", "-ERR syntax error\r\n"),
      ("GEODIST k Palermo", "-ERR wrong number of arguments for 'geodist' command\r\n"),
      ("SET s v", "+OK\r\n"),
      ("GEOPOS s a", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
      ("GEOHASH s a", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
      ("GEODIST s a b", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
    ]),
  NotedReplies(
    about: "the edges of the world, and scores that are no cells", version: 2,
    lines: [
      (
        "GEOADD k 180 85.05112878 northeast -180 -85.05112878 southwest -180 85.05112878 northwest 180 -85.05112878 southeast",
        ":4\r\n"
      ),
      (
        "ZADD k -5 negative 1e30 big -inf least inf most 0.5 half 18446744073709551615 full 9223372036854775808 top 4503599627370496 beyond",
        ":8\r\n"
      ),
      (
        "ZRANGE k 0 -1 WITHSCORES",
        "*24\r\n$5\r\nleast\r\n$4\r\n-inf\r\n$8\r\nnegative\r\n$2\r\n-5\r\n$9\r\nsouthwest\r\n$1\r\n0\r\n$4\r\nhalf\r\n$3\r\n0.5\r\n$6\r\nbeyond\r\n$16\r\n4503599627370496\r\n$9\r\nnorthwest\r\n$16\r\n4503599627370496\r\n$9\r\nsoutheast\r\n$16\r\n9007199254740992\r\n$9\r\nnortheast\r\n$17\r\n13510798882111488\r\n$3\r\ntop\r\n$22\r\n9.2233720368547758e+18\r\n$4\r\nfull\r\n$22\r\n1.8446744073709552e+19\r\n$3\r\nbig\r\n$5\r\n1e+30\r\n$4\r\nmost\r\n$3\r\ninf\r\n"
      ),
      (
        "GEOPOS k northeast southwest northwest southeast negative big least most half full top beyond",
        "*12\r\n*2\r\n$3\r\n180\r\n$19\r\n85.0511287799999991\r\n*2\r\n$22\r\n-179.99999731779098511\r\n$21\r\n-85.05112751263942528\r\n*2\r\n$22\r\n-179.99999731779098511\r\n$19\r\n85.0511287799999991\r\n*2\r\n$3\r\n180\r\n$21\r\n-85.05112751263942528\r\n*2\r\n$3\r\n180\r\n$19\r\n85.0511287799999991\r\n*2\r\n$22\r\n-179.99999731779098511\r\n$21\r\n-85.05112751263942528\r\n*2\r\n$3\r\n180\r\n$21\r\n-85.05112751263942528\r\n*2\r\n$22\r\n-179.99999731779098511\r\n$21\r\n-85.05112751263942528\r\n*2\r\n$22\r\n-179.99999731779098511\r\n$21\r\n-85.05112751263942528\r\n*2\r\n$22\r\n-179.99999731779098511\r\n$21\r\n-85.05112751263942528\r\n*2\r\n$3\r\n180\r\n$21\r\n-85.05112751263942528\r\n*2\r\n$22\r\n-179.99999731779098511\r\n$19\r\n85.0511287799999991\r\n"
      ),
      (
        "GEOHASH k northeast southwest northwest southeast negative big least most half full top beyond",
        "*12\r\n$11\r\nbp05b5048p0\r\n$11\r\n00bh0hbj200\r\n$11\r\nbp05b5048p0\r\n$11\r\n00bh0hbj200\r\n$11\r\nbp05b5048p0\r\n$11\r\n00bh0hbj200\r\n$11\r\n00bh0hbj200\r\n$11\r\n00bh0hbj200\r\n$11\r\n00bh0hbj200\r\n$11\r\n00bh0hbj200\r\n$11\r\n00bh0hbj200\r\n$11\r\nbp05b5048p0\r\n"
      ),
      ("GEODIST k northeast southwest", "$13\r\n18919844.5891\r\n"),
      ("GEODIST k northeast northwest", "$6\r\n0.0257\r\n"),
      ("GEODIST k negative big", "$13\r\n18919844.5891\r\n"),
      (
        "GEOSEARCH k FROMLONLAT 0 0 BYRADIUS inf km WITHDIST WITHHASH ASC",
        "*2\r\n*3\r\n$9\r\nsouthwest\r\n$10\r\n10560.8118\r\n:0\r\n*3\r\n$4\r\nhalf\r\n$10\r\n10560.8118\r\n:0\r\n"
      ),
      (
        "GEOSEARCH k FROMMEMBER negative BYRADIUS 30000 km WITHDIST WITHHASH WITHCOORD ASC",
        "*1\r\n*4\r\n$9\r\nnortheast\r\n$6\r\n0.0000\r\n:13510798882111488\r\n*2\r\n$3\r\n180\r\n$19\r\n85.0511287799999991\r\n"
      ),
      (
        "GEOSEARCH k FROMLONLAT 180 0 BYRADIUS 11000 km WITHDIST DESC",
        "*1\r\n*2\r\n$9\r\nsoutheast\r\n$9\r\n9459.9222\r\n"
      ),
      ("GEOSEARCH k FROMLONLAT -180 85 BYBOX 1000 1000 km", "*0\r\n"),
      ("GEOSEARCH k FROMLONLAT 179.9 84.9 BYBOX 1000 1000 km", "*0\r\n"),
      ("GEOSEARCH k FROMLONLAT 0 0 BYBOX inf inf m", "*2\r\n$9\r\nsouthwest\r\n$4\r\nhalf\r\n"),
    ]),
  NotedReplies(
    about: "searches", version: 2,
    lines: [
      (
        "GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.758489 38.788135 edge1 17.241510 38.788135 edge2 14.25 40.85 Naples 12.5 41.9 Rome",
        ":6\r\n"
      ),
      (
        "GEOSEARCH k FROMLONLAT 15 37 BYRADIUS 200 km ASC",
        "*2\r\n$7\r\nCatania\r\n$7\r\nPalermo\r\n"
      ),
      ("GEOSEARCH k FROMLONLAT 15 37 BYRADIUS 200 km", "*2\r\n$7\r\nPalermo\r\n$7\r\nCatania\r\n"),
      (
        "GEOSEARCH k FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHCOORD WITHDIST",
        "*4\r\n*3\r\n$7\r\nCatania\r\n$7\r\n56.4413\r\n*2\r\n$20\r\n15.08726745843887329\r\n$20\r\n37.50266842333162032\r\n*3\r\n$7\r\nPalermo\r\n$8\r\n190.4424\r\n*2\r\n$20\r\n13.36138933897018433\r\n$20\r\n38.11555639549629859\r\n*3\r\n$5\r\nedge2\r\n$8\r\n279.7403\r\n*2\r\n$20\r\n17.24151045083999634\r\n$20\r\n38.78813451624225195\r\n*3\r\n$5\r\nedge1\r\n$8\r\n279.7405\r\n*2\r\n$19\r\n12.7584877610206604\r\n$20\r\n38.78813451624225195\r\n"
      ),
      (
        "GEOSEARCH k FROMLONLAT 15 37 BYBOX 400 400 km DESC WITHDIST WITHHASH",
        "*4\r\n*3\r\n$5\r\nedge1\r\n$8\r\n279.7405\r\n:3479273021651468\r\n*3\r\n$5\r\nedge2\r\n$8\r\n279.7403\r\n:3481342659049484\r\n*3\r\n$7\r\nPalermo\r\n$8\r\n190.4424\r\n:3479099956230698\r\n*3\r\n$7\r\nCatania\r\n$7\r\n56.4413\r\n:3479447370796909\r\n"
      ),
      (
        "GEOSEARCH k FROMMEMBER Palermo BYRADIUS 300 mi WITHDIST",
        "*6\r\n*2\r\n$7\r\nPalermo\r\n$6\r\n0.0000\r\n*2\r\n$5\r\nedge1\r\n$7\r\n56.7939\r\n*2\r\n$7\r\nCatania\r\n$8\r\n103.3182\r\n*2\r\n$4\r\nRome\r\n$8\r\n265.4949\r\n*2\r\n$6\r\nNaples\r\n$8\r\n194.8360\r\n*2\r\n$5\r\nedge2\r\n$8\r\n215.0741\r\n"
      ),
      (
        "GEOSEARCH k FROMMEMBER Palermo BYRADIUS 1000000 ft WITHDIST ASC",
        "*3\r\n*2\r\n$7\r\nPalermo\r\n$6\r\n0.0000\r\n*2\r\n$5\r\nedge1\r\n$11\r\n299870.9272\r\n*2\r\n$7\r\nCatania\r\n$11\r\n545518.8700\r\n"
      ),
      (
        "GEOSEARCH k BYRADIUS 900 km FROMMEMBER Rome COUNT 2 WITHDIST",
        "*2\r\n*2\r\n$4\r\nRome\r\n$6\r\n0.0000\r\n*2\r\n$6\r\nNaples\r\n$8\r\n187.0049\r\n"
      ),
      (
        "GEOSEARCH k BYRADIUS 900 km FROMMEMBER Rome COUNT 2 DESC",
        "*2\r\n$7\r\nCatania\r\n$5\r\nedge2\r\n"
      ),
      (
        "GEOSEARCH k BYRADIUS 900 km FROMMEMBER Rome COUNT 3 ANY",
        "*3\r\n$7\r\nPalermo\r\n$5\r\nedge1\r\n$7\r\nCatania\r\n"
      ),
      (
        "GEOSEARCH k BYRADIUS 900 km FROMMEMBER Rome COUNT 3 ANY ASC",
        "*3\r\n$5\r\nedge1\r\n$7\r\nPalermo\r\n$7\r\nCatania\r\n"
      ),
      (
        "GEOSEARCH k BYRADIUS 900 km FROMMEMBER Rome COUNT 9223372036854775807 ANY DESC",
        "*6\r\n$7\r\nCatania\r\n$5\r\nedge2\r\n$7\r\nPalermo\r\n$5\r\nedge1\r\n$6\r\nNaples\r\n$4\r\nRome\r\n"
      ),
      ("GEOSEARCH k BYRADIUS 0 m FROMMEMBER Rome", "*1\r\n$4\r\nRome\r\n"),
      ("GEOSEARCH k BYBOX 0 0 m FROMMEMBER Rome", "*1\r\n$4\r\nRome\r\n"),
      ("GEOSEARCH k FROMLONLAT -100 10 BYRADIUS 10 km", "*0\r\n"),
      (
        "GEOSEARCH k FROMMEMBER Rome FROMMEMBER Naples BYRADIUS 10 km BYRADIUS 20 km",
        "*1\r\n$6\r\nNaples\r\n"
      ),
      (
        "GEOSEARCH k FROMMEMBER none BYRADIUS 10 km",
        "-ERR could not decode requested zset member\r\n"
      ),
      ("GEOSEARCH none FROMMEMBER a BYRADIUS 10 km", "*0\r\n"),
      ("GEOSEARCH none FROMMEMBER a BYRADIUS -10 km", "-ERR radius cannot be negative\r\n"),
      ("GEOSEARCH k FROMLONLAT 1 1 FROMMEMBER Rome BYRADIUS 1 km", "-ERR syntax error\r\n"),
      ("GEOSEARCH k FROMMEMBER Rome FROMLONLAT 1 1 BYRADIUS 1 km", "-ERR syntax error\r\n"),
      ("GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 1 km BYBOX 1 1 km", "-ERR syntax error\r\n"),
      ("GEOSEARCH k FROMLONLAT 1 1 BYBOX 1 1 km BYRADIUS 1 km", "-ERR syntax error\r\n"),
      (
        "geoSearch k FROMLONLAT 1 1 ASC DESC ASC",
        "-ERR exactly one of BYRADIUS and BYBOX can be specified for geoSearch\r\n"
      ),
      (
        "GEOSEARCH k BYRADIUS 1 km ASC ASC ASC",
        "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH\r\n"
      ),
      (
        "GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 1 km ANY",
        "-ERR the ANY argument requires COUNT argument\r\n"
      ),
      ("GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 1 km COUNT", "-ERR syntax error\r\n"),
      ("GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 1 km COUNT 0", "-ERR COUNT must be > 0\r\n"),
      (
        "GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 1 km COUNT x",
        "-ERR value is not an integer or out of range\r\n"
      ),
      ("GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 1 km STOREDIST", "-ERR syntax error\r\n"),
      ("GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 1 km STORE d", "-ERR syntax error\r\n"),
      (
        "GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 1 parsec",
        "-ERR unsupported unit provided. please use M, KM, FT, MI\r\n"
      ),
      ("GEOSEARCH k FROMLONLAT 1 1 BYRADIUS x km", "-ERR need numeric radius\r\n"),
      ("GEOSEARCH k FROMLONLAT 1 1 BYRADIUS -1 parsec", "-ERR radius cannot be negative\r\n"),
      ("GEOSEARCH k FROMLONLAT 1 1 BYBOX x y km", "-ERR need numeric width\r\n"),
      ("GEOSEARCH k FROMLONLAT 1 1 BYBOX 1 y km", "-ERR need numeric height\r\n"),
      (
        "GEOSEARCH k FROMLONLAT 1 1 BYBOX -1 1 parsec",
        "-ERR height or width cannot be negative\r\n"
      ),
      (
        "GEOSEARCH k FROMLONLAT 1 1 BYBOX 1 1 parsec",
        "-ERR unsupported unit provided. please use M, KM, FT, MI\r\n"
      ),
      (
        "GEOSEARCH k FROMLONLAT 1 91 BYBOX 1 1 km",
        "-ERR invalid longitude,latitude pair 1.000000,91.000000\r\n"
      ),
      ("GEOSEARCH k FROMLONLAT 1 1", "-ERR wrong number of arguments for 'geosearch' command\r\n"),
      ("SET s v", "+OK\r\n"),
      (
        "GEOSEARCH s FROMLONLAT x 1 BYRADIUS 1 km",
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
      ),
    ]),
  NotedReplies(
    about: "circles", version: 2,
    lines: [
      (
        "GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 14.25 40.85 Naples 12.5 41.9 Rome",
        ":4\r\n"
      ),
      ("GEORADIUS k 15 37 200 km ASC", "*2\r\n$7\r\nCatania\r\n$7\r\nPalermo\r\n"),
      (
        "GEORADIUS k 15 37 200 km WITHDIST",
        "*2\r\n*2\r\n$7\r\nPalermo\r\n$8\r\n190.4424\r\n*2\r\n$7\r\nCatania\r\n$7\r\n56.4413\r\n"
      ),
      (
        "GEORADIUS k 15 37 200 km WITHCOORD WITHHASH COUNT 1",
        "*1\r\n*3\r\n$7\r\nCatania\r\n:3479447370796909\r\n*2\r\n$20\r\n15.08726745843887329\r\n$20\r\n37.50266842333162032\r\n"
      ),
      ("GEORADIUS_RO k 15 37 200 km DESC", "*2\r\n$7\r\nPalermo\r\n$7\r\nCatania\r\n"),
      ("GEORADIUSBYMEMBER k Rome 500 km", "*3\r\n$7\r\nPalermo\r\n$4\r\nRome\r\n$6\r\nNaples\r\n"),
      (
        "GEORADIUSBYMEMBER k Rome 500 km COUNT 2 ANY WITHDIST",
        "*2\r\n*2\r\n$7\r\nPalermo\r\n$8\r\n427.2716\r\n*2\r\n$4\r\nRome\r\n$6\r\n0.0000\r\n"
      ),
      (
        "GEORADIUSBYMEMBER_RO k Rome 500 km COUNT 2 DESC WITHDIST",
        "*2\r\n*2\r\n$7\r\nPalermo\r\n$8\r\n427.2716\r\n*2\r\n$6\r\nNaples\r\n$8\r\n187.0049\r\n"
      ),
      ("GEORADIUS_RO k 15 37 200 km STORE d", "-ERR syntax error\r\n"),
      ("GEORADIUSBYMEMBER_RO k Rome 200 km STOREDIST d", "-ERR syntax error\r\n"),
      ("GEORADIUS k 15 37 200", "-ERR wrong number of arguments for 'georadius' command\r\n"),
      ("GEORADIUS k 15 x 200 km", "-ERR value is not a valid float\r\n"),
      ("GEORADIUS k 15 37 x km", "-ERR need numeric radius\r\n"),
      ("GEORADIUS k 15 37 -1 km", "-ERR radius cannot be negative\r\n"),
      (
        "GEORADIUS k 15 37 1 parsec", "-ERR unsupported unit provided. please use M, KM, FT, MI\r\n"
      ),
      ("GEORADIUS k 15 37 1 km WHAT", "-ERR syntax error\r\n"),
      ("GEORADIUS k 15 37 1 km BYBOX 1 1 km", "-ERR syntax error\r\n"),
      ("GEORADIUS k 15 37 1 km ANY", "-ERR the ANY argument requires COUNT argument\r\n"),
      ("GEORADIUS none 15 37 200 km", "*0\r\n"),
      ("GEORADIUS none 15 x 200 km", "-ERR value is not a valid float\r\n"),
      ("GEORADIUSBYMEMBER k none 200 km", "-ERR could not decode requested zset member\r\n"),
      ("GEORADIUSBYMEMBER none none x parsec", "*0\r\n"),
      ("GEORADIUSBYMEMBER none none x parsec WHAT", "-ERR syntax error\r\n"),
    ]),
  NotedReplies(
    about: "stores", version: 2,
    lines: [
      (
        "GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 14.25 40.85 Naples 12.5 41.9 Rome",
        ":4\r\n"
      ),
      ("GEOSEARCHSTORE d k FROMLONLAT 15 37 BYRADIUS 200 km", ":2\r\n"),
      (
        "ZRANGE d 0 -1 WITHSCORES",
        "*4\r\n$7\r\nPalermo\r\n$16\r\n3479099956230698\r\n$7\r\nCatania\r\n$16\r\n3479447370796909\r\n"
      ),
      ("GEOSEARCHSTORE d k FROMLONLAT 15 37 BYBOX 400 400 km STOREDIST", ":2\r\n"),
      (
        "ZRANGE d 0 -1 WITHSCORES",
        "*4\r\n$7\r\nCatania\r\n$18\r\n56.441257870158204\r\n$7\r\nPalermo\r\n$18\r\n190.44242984775784\r\n"
      ),
      ("GEORADIUS k 15 37 200 mi STOREDIST d COUNT 2 DESC", ":2\r\n"),
      (
        "ZRANGE d 0 -1 WITHSCORES",
        "*4\r\n$7\r\nCatania\r\n$18\r\n35.071058862737644\r\n$7\r\nPalermo\r\n$18\r\n118.33573380874013\r\n"
      ),
      ("GEORADIUSBYMEMBER k Rome 300 km STORE other STOREDIST d", ":2\r\n"),
      ("EXISTS other", ":0\r\n"),
      (
        "ZRANGE d 0 -1 WITHSCORES",
        "*4\r\n$4\r\nRome\r\n$1\r\n0\r\n$6\r\nNaples\r\n$18\r\n187.00487991361729\r\n"
      ),
      ("GEORADIUSBYMEMBER k Rome 300 km STOREDIST d STORE d", ":2\r\n"),
      (
        "ZRANGE d 0 -1 WITHSCORES",
        "*4\r\n$4\r\nRome\r\n$16\r\n3480343095893889\r\n$6\r\nNaples\r\n$16\r\n3480580641640645\r\n"
      ),
      ("OBJECT ENCODING s", "$-1\r\n"),
      ("SET s v", "+OK\r\n"),
      ("GEORADIUS k 15 37 200 km STORE s", ":2\r\n"),
      ("TYPE s", "+zset\r\n"),
      ("GEORADIUS k 100 37 1 km STORE s", ":0\r\n"),
      ("EXISTS s", ":0\r\n"),
      ("GEOSEARCHSTORE s k FROMLONLAT 100 37 BYRADIUS 1 km", ":0\r\n"),
      ("GEOSEARCHSTORE d none FROMMEMBER m BYRADIUS 1 km", ":0\r\n"),
      ("EXISTS d", ":0\r\n"),
      ("GEORADIUSBYMEMBER none m 1 km STORE d", ":0\r\n"),
      ("GEOSEARCHSTORE k k FROMMEMBER Rome BYRADIUS 300 km COUNT 2", ":2\r\n"),
      (
        "ZRANGE k 0 -1 WITHSCORES",
        "*4\r\n$4\r\nRome\r\n$16\r\n3480343095893889\r\n$6\r\nNaples\r\n$16\r\n3480580641640645\r\n"
      ),
      (
        "GEOSEARCHSTORE d k FROMLONLAT 15 37 BYRADIUS 200 km WITHDIST",
        "-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options\r\n"
      ),
      (
        "GEORADIUS k 15 37 200 km STORE d WITHCOORD",
        "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options\r\n"
      ),
      (
        "GEORADIUS k 15 37 200 km WITHHASH STOREDIST d",
        "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options\r\n"
      ),
      ("GEORADIUS k 15 37 200 km STORE", "-ERR syntax error\r\n"),
      ("GEOSEARCHSTORE d k FROMLONLAT 15 37 BYRADIUS 200 km STORE d", "-ERR syntax error\r\n"),
      (
        "geosearchstore d k FROMLONLAT 15 37 ASC ASC",
        "-ERR exactly one of BYRADIUS and BYBOX can be specified for geosearchstore\r\n"
      ),
      (
        "GEOSEARCHSTORE d k BYRADIUS 1 km ASC ASC",
        "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCHSTORE\r\n"
      ),
      (
        "GEOSEARCHSTORE d k FROMLONLAT 15 37 BYRADIUS 200 km ANY",
        "-ERR the ANY argument requires COUNT argument\r\n"
      ),
      ("SET w v", "+OK\r\n"),
      (
        "GEOSEARCHSTORE d w FROMLONLAT 15 37 BYRADIUS 200 km",
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
      ),
    ]),
  NotedReplies(
    about: "the third version of the protocol", version: 3,
    lines: [
      ("GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 0 0 zero", ":3\r\n"),
      (
        "GEOPOS k Palermo none zero",
        "*3\r\n*2\r\n,13.36138933897018433\r\n,38.11555639549629859\r\n_\r\n*2\r\n,0.00000268220901489\r\n,0.00000126736058093\r\n"
      ),
      ("GEOHASH k Palermo none", "*2\r\n$11\r\nsqc8b49rny0\r\n_\r\n"),
      ("GEODIST k Palermo Catania", "$11\r\n166274.1516\r\n"),
      ("GEODIST k Palermo none", "_\r\n"),
      ("GEODIST none a b", "_\r\n"),
      (
        "GEORADIUS k 15 37 200 km WITHCOORD WITHDIST WITHHASH ASC",
        "*2\r\n*4\r\n$7\r\nCatania\r\n$7\r\n56.4413\r\n:3479447370796909\r\n*2\r\n,15.08726745843887329\r\n,37.50266842333162032\r\n*4\r\n$7\r\nPalermo\r\n$8\r\n190.4424\r\n:3479099956230698\r\n*2\r\n,13.36138933897018433\r\n,38.11555639549629859\r\n"
      ),
      (
        "GEOSEARCH k FROMMEMBER Palermo BYBOX 400 400 km COUNT 1 WITHDIST",
        "*1\r\n*2\r\n$7\r\nPalermo\r\n$6\r\n0.0000\r\n"
      ),
      ("GEOSEARCH none FROMMEMBER a BYRADIUS 1 km", "*0\r\n"),
    ]),
]
