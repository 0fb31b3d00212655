import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { rejection } from '../runtime-conformance/fixture.js'
import type { ContainerTest, Talk } from './fixture.js'

/** A writer that forks all the time and counts on in a file. */
const counting = 'i=0; while :; do i=$((i+1)); echo $i > /next; mv /next /count; /bin/true; done'

/** Containers that stand still. */
export function pauseTests(test: ContainerTest): void {
  const kinds = { 'by signals': {}, 'by its cgroup, where it can be frozen': { cgroup: {} } }
  for (const [how, spec] of Object.entries(kinds)) {
    test(`pause() stops everything in the container ${how}, and lets it go on`, async ({
      container,
      exec,
      runtime,
      sh,
    }) => {
      const first = await container(spec)
      const writers = [
        await exec(first, ['sh', '-c', counting]),
        await exec(first, ['sh', '-c', `(${counting}) & wait`]),
      ]
      for (let round = 0; round < 3; round++) {
        await counted(first, '')
        const pause = await runtime.pause(first)
        const count = read(first)
        for (const [pid, state] of statesIn(first)) assert.match(state, /^[TtDZ]$/, `${pid} is ${state}`)
        assert.is((await sh('exit 3')).status.code, 3)
        assert.is(read(first), count)
        await pause[Symbol.asyncDispose]()
        await pause[Symbol.asyncDispose]()
        await counted(first, count)
      }
      for (const writer of writers) writer.kill('SIGKILL')
      first.kill('SIGKILL')
      await first.ended
    })
  }

  test('pause() leaves stopped what was stopped before', async ({ container, exec, runtime }) => {
    const first = await container()
    const stopped = await exec(first, ['sh', '-c', 'echo here; kill -STOP $$; echo on'])
    await stopped.says('here')
    await until(() => statesIn(first).get(stopped.pid) === 'T')
    const pause = await runtime.pause({ pid: first.pid, startTime: first.startTime })
    await pause[Symbol.asyncDispose]()
    await until(() => !/[Tt]/.test(statesIn(first).get(first.pid) ?? ''))
    assert.is(statesIn(first).get(stopped.pid), 'T')
    stopped.kill('SIGCONT')
    assert.equal(await stopped.ended, { code: 0 })
  })

  test('pause() lets a container go on when the runtime is disposed', async (bench) => {
    const { runtime, container } = bench
    const first = await container()
    await runtime.pause(first)
    const end = rejection(first.ended)
    await runtime[Symbol.asyncDispose]()
    assert.is((await end).code, 'RUNTIME_UNAVAILABLE')
  })

  test('pause() rejects with PROCESS_GONE what has ended, is another process, or is one of the host', async ({
    container,
    runtime,
  }) => {
    const first = await container()
    for (const target of [{ pid: first.pid, startTime: '1' }, process.pid, 1]) {
      assert.is((await rejection(runtime.pause(target))).code, 'PROCESS_GONE')
    }
    first.kill('SIGKILL')
    await first.ended
    assert.is((await rejection(runtime.pause(first))).code, 'PROCESS_GONE')
  })
}

function read({ pid }: Talk): string {
  try {
    return readFileSync(`/proc/${pid}/root/count`, 'utf8')
  } catch {
    return ''
  }
}

async function counted(container: Talk, from: string): Promise<void> {
  await until(() => read(container) !== from)
}

/** What every process of the container is doing, by its id. */
function statesIn(container: Pick<Talk, 'pid'>): Map<number, string> {
  const namespace = namespaceOf(String(container.pid))
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && namespaceOf(name) === namespace)
  return new Map(pids.map((pid) => [Number(pid), stateOf(pid)]))
}

function namespaceOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return ''
  }
}

function stateOf(pid: string): string {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 'Z'
  } catch {
    return 'Z'
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5)
}
