import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { cgroupDirectory, readHierarchies } from '../dist/cgroup/hierarchies.js'
import { limitSettings } from '../dist/cgroup/limit-settings.js'
import { closeOtherCalls } from '../dist/close-other-calls.js'

const hybrid = `31 23 0:28 / /sys/fs/cgroup rw shared:9 - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
34 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
35 31 0:32 /docker/a /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
`
const membership = '4:cpuacct,cpu:/x\n3:pids:/docker/a/b\n2:name=systemd:/\n1:memory:/m\n0::/user/1\n'

tests('cgroups', (test) => {
  test('readHierarchies() knows versions and controllers', () => {
    assert.equal(
      readHierarchies(hybrid).map(({ version, controllers, root }) => `${version} ${controllers} ${root}`),
      ['1 cpu,cpuacct /', '1 name=systemd /', '2  /', '1 pids /docker/a'],
    )
    assert.equal(
      readHierarchies('30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n'),
      [{ version: 2, controllers: [], mountPoint: '/sys/fs/cgroup', root: '/' }],
    )
    assert.equal(readHierarchies(''), [])
  })

  test('readHierarchies() leaves out what another mount hides', () => {
    const hidden = `${hybrid}40 32 0:40 / /sys/fs/cgroup/cpu,cpuacct rw - tmpfs tmpfs rw\n`
    assert.not.ok(readHierarchies(hidden).some(({ controllers }) => controllers.includes('cpu')))
  })

  test('cgroupDirectory() finds where a process is', () => {
    const [cpu, systemd, unified, pids] = readHierarchies(hybrid)
    assert.is(cgroupDirectory(cpu!, membership), '/sys/fs/cgroup/cpu,cpuacct/x')
    assert.is(cgroupDirectory(systemd!, membership), '/sys/fs/cgroup/systemd')
    assert.is(cgroupDirectory(unified!, membership), '/sys/fs/cgroup/unified/user/1')
    assert.is(cgroupDirectory(pids!, membership), '/sys/fs/cgroup/pids/b')
  })

  test('cgroupDirectory() finds nothing outside of what is mounted', () => {
    const [cpu, , unified, pids] = readHierarchies(hybrid)
    assert.is(cgroupDirectory(pids!, '3:pids:/docker/ab\n'), undefined)
    assert.is(cgroupDirectory(unified!, '0::/../other\n'), undefined)
    assert.is(cgroupDirectory(cpu!, ''), undefined)
  })

  test('limitSettings() writes what each version of cgroups reads', () => {
    const files = (version: 1 | 2) =>
      limitSettings({ pids: 5, memoryBytes: 1000, cpus: 1.5 }, version).flatMap(({ settings }) =>
        settings.map(({ file, value }) => `${file}=${value}`),
      )
    assert.equal(files(1), [
      'pids.max=5',
      'memory.limit_in_bytes=1000',
      'memory.memsw.limit_in_bytes=2000',
      'cpu.cfs_period_us=100000',
      'cpu.cfs_quota_us=150000',
    ])
    assert.equal(files(2), ['pids.max=5', 'memory.max=1000', 'memory.swap.max=1000', 'cpu.max=150000 100000'])
    assert.equal(limitSettings({}, 1), [])
  })

  test('closeOtherCalls() closes every descriptor from 3 on but the kept ones', () => {
    const cases: [kept: number[], ranges: number[][]][] = [
      [[], [[3, 0xffffffff]]],
      [[3], [[4, 0xffffffff]]],
      [
        [9, 5, 4],
        [
          [3, 3],
          [6, 8],
          [10, 0xffffffff],
        ],
      ],
      [
        [0, 7, 7],
        [
          [3, 6],
          [8, 0xffffffff],
        ],
      ],
    ]
    for (const [kept, ranges] of cases) {
      assert.equal(
        closeOtherCalls(kept).map(({ args }) => args.slice(0, 2)),
        ranges,
      )
    }
  })
})
