import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { firstHealth, healthCommand, healthTiming, nextHealth } from '../dist/containers/monitor/health-check.js'

tests('a health check', (test) => {
  const probe = (exitCode: number, startedAt = 100_000) => ({ startedAt, endedAt: startedAt, exitCode, output: '' })

  const timing = { retries: 2, startPeriodMs: 0 }

  test("healthTiming() has Docker's defaults", () => {
    assert.equal(healthTiming({ Interval: 0, Timeout: 2_000_000_000 }), {
      intervalMs: 30_000,
      timeoutMs: 2000,
      startPeriodMs: 0,
      startIntervalMs: 5000,
      retries: 3,
    })
  })

  test('healthCommand() knows words and lines of shell', () => {
    assert.equal(healthCommand(['CMD', 'a', 'b']), ['a', 'b'])
    assert.equal(healthCommand(['CMD-SHELL', 'a || b']), ['/bin/sh', '-c', 'a || b'])
    assert.equal(healthCommand(['CMD-SHELL', 'a'], ['/bin/bash', '-ec']), ['/bin/bash', '-ec', 'a'])
  })

  test('nextHealth() counts failures in a row', () => {
    const once = nextHealth(firstHealth, probe(1), timing, 0)
    assert.equal([once.status, once.failingStreak], ['starting', 1])
    const twice = nextHealth(once, probe(-1), timing, 0)
    assert.equal([twice.status, twice.failingStreak], ['unhealthy', 2])
    const well = nextHealth(twice, probe(0), timing, 0)
    assert.equal([well.status, well.failingStreak], ['healthy', 0])
    assert.is(nextHealth(well, probe(1), timing, 0).status, 'healthy')
  })

  test('nextHealth() does not count failures of the start period', () => {
    const patient = { retries: 1, startPeriodMs: 5000 }
    const early = nextHealth(firstHealth, probe(1, 4999), patient, 0)
    assert.equal([early.status, early.failingStreak], ['starting', 0])
    assert.is(nextHealth(early, probe(1, 5000), patient, 0).status, 'unhealthy')
    const well = nextHealth(early, probe(0, 10), patient, 0)
    assert.is(nextHealth(well, probe(1, 20), patient, 0).status, 'unhealthy')
  })

  test('nextHealth() keeps the last five probes', () => {
    let health = firstHealth
    for (let n = 0; n < 8; n++) health = nextHealth(health, probe(n), timing, 0)
    assert.equal(
      health.probes.map(({ exitCode }) => exitCode),
      [3, 4, 5, 6, 7],
    )
  })
})
