import * as assert from 'uvu/assert'
import type { ContainerTest } from './fixture.js'

const terminal = { columns: 100, rows: 30 }

/** Processes on a terminal. */
export function terminalTests(test: ContainerTest): void {
  test('start() gives the command a terminal of its own, with the size asked for', async ({ start }) => {
    const script =
      'tty; stty size; stat -c "%t:%T %U" /dev/console; test -t 0 && test -t 1 && test -t 2 && echo all; readlink /proc/self/fd/2'
    const process = await start(['sh', '-c', script], { user: 'app', start: { terminal } })
    assert.equal(await process.ended, { code: 0 })
    assert.is(process.printed.stdout, '/dev/pts/0\r\n30 100\r\n88:0 app\r\nall\r\n/dev/pts/0\r\n')
    assert.is(process.printed.stderr, '')
  })

  test('start() makes it the controlling terminal: /dev/tty, job control and Ctrl-C work', async ({ start }) => {
    const script = `trap 'echo interrupted; exit 4' INT; echo ready > /dev/tty; while :; do sleep 0.01; done`
    const process = await start(['sh', '-c', script], { start: { terminal } })
    await process.says('ready')
    await process.write(Buffer.from('\x03'))
    assert.equal(await process.ended, { code: 4 })
    assert.match(process.printed.stdout, /interrupted\r\n$/)
  })

  test('start() hands on what is typed, line by line', async ({ start }) => {
    const process = await start(['sh', '-c', 'read line; echo "<$line>"; cat'], { start: { terminal } })
    await process.write(Buffer.from('one\n'))
    await process.says('<one>\r\n')
    await process.write(Buffer.from('two\n'))
    await process.says('two\r\ntwo\r\n')
    await process.write(Buffer.from('\x04'))
    assert.equal(await process.ended, { code: 0 })
  })

  test('resize() changes the size and tells the command', async ({ start }) => {
    const process = await start(['sh', '-c', 'trap "stty size; exit 0" WINCH; echo up; while :; do sleep 0.01; done'], {
      start: { terminal },
    })
    await process.says('up')
    process.resize({ columns: 61, rows: 17 })
    assert.equal(await process.ended, { code: 0 })
    assert.match(process.printed.stdout, /17 61\r\n$/)
    process.resize({ columns: 1, rows: 1 })
  })

  test('start() delivers everything that was printed before the end', async ({ start }) => {
    const lines = 20_000
    const process = await start(['seq', String(lines)], { start: { terminal } })
    assert.equal(await process.ended, { code: 0 })
    const expected = Array.from({ length: lines }, (_, index) => `${index + 1}\r\n`).join('')
    assert.ok(process.printed.stdout === expected, `${process.printed.stdout.length} of ${expected.length} bytes`)
  })

  test('start() goes on reading a terminal that was closed and opened again', async ({ start }) => {
    const script =
      'echo first; exec 0<&- 1>&- 2>&-; sleep 0.3; echo second > /dev/console; sleep 0.3; echo third > /dev/console'
    const process = await start(['sh', '-c', script], { start: { terminal } })
    assert.equal(await process.ended, { code: 0 })
    assert.is(process.printed.stdout, 'first\r\nsecond\r\nthird\r\n')
  })

  test('a command that does not read its terminal holds up nobody', async ({ start, sh }) => {
    const deaf = await start(['sh', '-c', 'stty raw -echo; echo up; while :; do sleep 1000; done'], {
      start: { terminal },
    })
    await deaf.says('up')
    const write = deaf.write(Buffer.alloc(1 << 20, 'x')).catch((error) => error.code)
    assert.is((await sh('exit 3')).status.code, 3)
    deaf.kill('SIGKILL')
    assert.is((await deaf.ended).code, 137)
    assert.is(await write, 'INPUT_CLOSED')
  })

  test('exec() gives the command a terminal of its own in the container', async ({ container, exec, execOutput }) => {
    const first = await container({ start: { terminal } })
    const second = await exec(
      first,
      ['sh', '-c', 'tty; stty size; echo me > /dev/tty; read x; echo "<$x>"; stty size'],
      {
        start: { terminal: { columns: 40, rows: 10 } },
        user: 'app',
      },
    )
    await second.says('me\r\n')
    second.resize({ columns: 41, rows: 11 })
    await second.write(Buffer.from('word\n'))
    assert.equal(await second.ended, { code: 0 })
    assert.match(second.printed.stdout, /^\/dev\/pts\/1\r\n10 40\r\nme\r\n(word\r\n)?<word>\r\n11 41\r\n$/)
    assert.is(await execOutput(first, 'echo over > /dev/console; echo done'), 'done\n')
    await first.says('over\r\n')
  })
}
