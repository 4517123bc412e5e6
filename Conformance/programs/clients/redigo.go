// What applications do with redigo, as one program of the `clients` suite: see suites/clients.py for what it prints.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
)

var port, lockedPort, path = os.Args[1], os.Args[2], os.Args[3]

// What a check throws at the first thing that is wrong.
type wrong string

func check(name string, body func()) {
	defer func() {
		switch problem := recover().(type) {
		case nil:
			fmt.Println("pass", name)
		case wrong:
			fmt.Printf("fail %s: %s\n", name, strings.ReplaceAll(string(problem), "\n", " "))
		default:
			panic(problem)
		}
	}()
	body()
}

func same(got, wanted interface{}) {
	if !reflect.DeepEqual(got, wanted) {
		panic(wrong(fmt.Sprintf("%.200q in the place of %.200q", got, wanted)))
	}
}

func good(err error) {
	if err != nil {
		panic(wrong(err.Error()))
	}
}

func tells(err error, text string) {
	if err == nil || !strings.Contains(err.Error(), text) {
		panic(wrong(fmt.Sprintf("%v in the place of %s", err, text)))
	}
}

func dial(port string, options ...redis.DialOption) redis.Conn {
	connection, err := redis.Dial("tcp", "127.0.0.1:"+port, options...)
	good(err)
	return connection
}

func do(connection redis.Conn, words ...interface{}) interface{} {
	reply, err := connection.Do(words[0].(string), words[1:]...)
	good(err)
	return reply
}

func texts(reply interface{}) []string {
	texts, err := redis.Strings(reply, nil)
	good(err)
	return texts
}

func pools(pool *redis.Pool) {
	var all sync.WaitGroup
	for worker := 0; worker < 10; worker++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for turn := 0; turn < 100; turn++ {
				connection := pool.Get()
				connection.Do("INCR", "pool")
				connection.Close()
			}
		}()
	}
	all.Wait()
	connection := pool.Get()
	defer connection.Close()
	text, _ := redis.String(connection.Do("GET", "pool"))
	same(text, "1000")
	same(pool.ActiveCount() <= 4, true)
}

func pipelines() {
	connection := dial(port)
	defer connection.Close()
	for number := 0; number < 5000; number++ {
		good(connection.Send("RPUSH", "many", number))
	}
	good(connection.Flush())
	for number := int64(1); number <= 5000; number++ {
		reply, err := redis.Int64(connection.Receive())
		good(err)
		same(reply, number)
	}
	connection.Send("MULTI")
	connection.Send("SET", "a", 1)
	connection.Send("INCR", "a")
	same(do(connection, "EXEC"), []interface{}{"OK", int64(2)})
	_, err := connection.Do("LPUSH", "a", 1)
	tells(err, "WRONGTYPE")
}

func watches() {
	connection, other := dial(port), dial(port)
	defer connection.Close()
	defer other.Close()
	do(connection, "SET", "w", 1)
	do(connection, "WATCH", "w")
	do(other, "SET", "w", 10)
	do(connection, "MULTI")
	do(connection, "INCR", "w")
	same(do(connection, "EXEC"), nil)
}

func blocks() {
	connection, other := dial(port), dial(port)
	defer connection.Close()
	defer other.Close()
	do(connection, "RPUSH", "low", 1, 2, 3)
	same(texts(do(connection, "BLPOP", "high", "low", 1)), []string{"low", "1"})
	same(texts(do(connection, "BRPOP", "high", "low", 1)), []string{"low", "3"})
	got := make(chan []string)
	go func() {
		texts, _ := redis.Strings(connection.Do("BRPOP", "higher", "high", 10))
		got <- texts
	}()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if text, _ := redis.String(other.Do("INFO", "clients")); strings.Contains(text, "blocked_clients:1\r") {
			break
		}
	}
	do(other, "LPUSH", "high", "job")
	same(<-got, []string{"high", "job"})
	same(do(connection, "BRPOP", "none", "0.2"), nil)
}

func authenticates() {
	open := dial(lockedPort)
	_, err := open.Do("GET", "x")
	tells(err, "NOAUTH")
	_, err = redis.Dial("tcp", "127.0.0.1:"+lockedPort, redis.DialPassword("wrong"))
	tells(err, "WRONGPASS")
	admin, err := redis.DialURL("redis://:secret@127.0.0.1:" + lockedPort + "/2")
	good(err)
	text, err := redis.String(admin.Do("CLIENT", "INFO"))
	good(err)
	same(strings.Contains(text, " db=2 "), true)
	do(admin, "ACL", "SETUSER", "go", "on", ">pw", "~jobs:*", "+@list")
	user := dial(lockedPort, redis.DialUsername("go"), redis.DialPassword("pw"))
	same(do(user, "LPUSH", "jobs:a", 1), int64(1))
	_, err = user.Do("LPUSH", "other", 1)
	tells(err, "NOPERM")
}

func timesOut() {
	connection := dial(port, redis.DialReadTimeout(200*time.Millisecond))
	_, err := connection.Do("BRPOP", "none", 3)
	tells(err, "timeout")
	connection = dial(port, redis.DialReadTimeout(200*time.Millisecond))
	reply, err := redis.DoWithTimeout(connection, 20*time.Second, "BRPOP", "none", "0.4") // Longer than the connection's own.
	good(err)
	same(reply, nil)
	_, err = redis.Dial("tcp", "127.0.0.1:1", redis.DialConnectTimeout(200*time.Millisecond))
	tells(err, "refused")
}

func takesBytes() {
	connection := dial(port)
	every := make([]byte, 256)
	for index := range every {
		every[index] = byte(index)
	}
	for _, value := range [][]byte{{}, every, bytes.Repeat(every, 20000), []byte("\r\n$-1\r\n")} {
		do(connection, "SET", every, value)
		got, err := redis.Bytes(connection.Do("GET", every))
		good(err)
		same(bytes.Equal(got, value), true)
	}
}

func scripts() {
	connection := dial(port)
	script := redis.NewScript(1, "return {KEYS[1], ARGV[1]}")
	for turn := 0; turn < 2; turn++ { // Sent at first, named by its digest afterwards.
		reply, err := script.Do(connection, "k", "v")
		good(err)
		same(texts(reply), []string{"k", "v"})
	}
}

func listens() {
	other := dial(port)
	listener := redis.PubSubConn{Conn: dial(port)}
	good(listener.Subscribe("news"))
	_, subscribed := listener.Receive().(redis.Subscription)
	same(subscribed, true)
	same(do(other, "PUBLISH", "news", "hello"), int64(1))
	message, _ := listener.ReceiveWithTimeout(20 * time.Second).(redis.Message)
	same([]string{message.Channel, string(message.Data)}, []string{"news", "hello"})
	good(listener.Ping("still there"))
	_, answered := listener.ReceiveWithTimeout(20 * time.Second).(redis.Pong)
	same(answered, true)
}

func reconnects(pool *redis.Pool) {
	connection := pool.Get()
	do(connection, "SET", "kept", "yes")
	connection.Close()
	fmt.Println("restart")
	bufio.NewReader(os.Stdin).ReadString('\n')
	connection = pool.Get() // Its test of what it hands out finds the old one broken.
	defer connection.Close()
	text, err := redis.String(connection.Do("GET", "kept"))
	good(err)
	same(text, "yes")
	same(texts(do(connection, "LRANGE", "many", 0, 1)), []string{"0", "1"})
}

func main() {
	pool := &redis.Pool{
		MaxActive: 4, MaxIdle: 4, Wait: true,
		Dial:         func() (redis.Conn, error) { return redis.Dial("tcp", "127.0.0.1:"+port) },
		TestOnBorrow: func(connection redis.Conn, _ time.Time) error { _, err := connection.Do("PING"); return err },
	}
	dial(port).Do("FLUSHALL")
	check("connection pool", func() { pools(pool) })
	check("pipeline", pipelines)
	check("watch", watches)
	check("blocking pop over several queues", blocks)
	check("authentication", authenticates)
	check("timeouts", timesOut)
	check("Unix socket", func() {
		connection, err := redis.Dial("unix", path)
		good(err)
		same(do(connection, "PING"), "PONG")
	})
	check("bytes", takesBytes)
	check("scripts", scripts)
	check("subscriptions", listens)
	check("reconnects after a restart", func() { reconnects(pool) })
	fmt.Println("end")
}
