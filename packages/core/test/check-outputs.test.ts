import type { Annotation, Output } from '@tsbuild/core'
import { hasCode, parsePlatform } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { annotationsAt } from '../dist/build/annotations.js'
import { checkOutputs, outputsOf } from '../dist/build/check-outputs.js'

const one = [parsePlatform('linux/amd64')]
const two = [...one, parsePlatform('linux/arm64')]
const on = (place: NonNullable<Annotation['on']>, platform?: string): Annotation => ({
  key: 'k',
  value: 'v',
  on: place,
  ...(platform === undefined ? {} : { platform }),
})

function check(outputs: readonly Output[], platforms = one, annotations: readonly Annotation[] = []): void {
  checkOutputs(outputs, { platforms, tags: [], annotations })
}

const good: readonly Parameters<typeof check>[] = [
  [[]],
  [[{ type: 'image' }], one, [on('manifest'), { key: 'x', value: '' }]],
  [[{ type: 'image', push: true, compression: 'zstd', compressionLevel: 22 }]],
  [[{ type: 'image', mediaTypes: 'docker', push: true, compression: 'gzip', compressionLevel: 0 }]],
  [[{ type: 'oci', dest: 'x', forceCompression: true }], one, [on('manifest-descriptor')]],
  [[{ type: 'oci', dest: 'x' }], two, [on('index'), on('index-descriptor'), on('manifest', 'linux/arm64')]],
  [[{ type: 'registry' }, { type: 'local', dest: 'x' }], two, [on('manifest-descriptor', 'arm64')]],
  [[{ type: 'image', push: true }], two],
  [
    [
      { type: 'docker', dest: 'x' },
      { type: 'tar', dest: 'x' },
    ],
  ],
]

const bad: readonly [why: RegExp, ...Parameters<typeof check>][] = [
  [/name with a digest/, [{ type: 'registry', names: [`a@sha256:${'0'.repeat(64)}`] }]],
  [/one platform has no index/, [{ type: 'oci', dest: 'x' }], one, [on('index')]],
  [/one platform has no index/, [{ type: 'oci', dest: 'x', annotations: [on('index-descriptor')] }]],
  [/an index is of all platforms/, [{ type: 'oci', dest: 'x' }], two, [on('index', 'linux/arm64')]],
  [/nothing is built for linux\/s390x/, [{ type: 'oci', dest: 'x' }], two, [on('manifest', 'linux/s390x')]],
  [/has no key/, [{ type: 'image' }], one, [{ key: '', value: 'x' }]],
  [/no output writes one/, [{ type: 'local', dest: 'x' }], one, [on('manifest')]],
  [/nothing has the manifest's descriptor/, [{ type: 'registry' }], one, [on('manifest-descriptor')]],
  [/they have no annotations/, [{ type: 'image', mediaTypes: 'docker' }], one, [on('manifest')]],
  [/they have no zstd/, [{ type: 'registry', mediaTypes: 'docker', compression: 'zstd' }]],
  [/layers in the local store are not compressed/, [{ type: 'image', compression: 'gzip' }]],
  [/layers in the local store are not compressed/, [{ type: 'image', push: false, forceCompression: true }]],
  [/gzip has 0 to 9/, [{ type: 'registry', compressionLevel: 10 }]],
  [/zstd has 0 to 22/, [{ type: 'registry', compression: 'zstd', compressionLevel: 1.5 }]],
  [/uncompressed layers have none/, [{ type: 'oci', dest: 'x', compression: 'uncompressed', compressionLevel: 1 }]],
  [/the local store holds one/, [{ type: 'image' }], two],
  [/type=docker holds one/, [{ type: 'docker', dest: 'x' }], two],
  [/type=tar holds one/, [{ type: 'tar', dest: 'x' }], two],
]

tests('outputs that are asked for', (test) => {
  for (const [at, given] of good.entries())
    test(`checkOutputs() takes ${at}: ${JSON.stringify(given[0])}`, () => check(...given))
  for (const [why, ...given] of bad) {
    test(`checkOutputs() refuses ${JSON.stringify(given[0])}: ${why.source}`, () => {
      assert.throws(
        () => check(...given),
        (error: Error) => hasCode(error, 'OPTION_INVALID') && why.test(error.message),
      )
    })
  }

  test('outputsOf() puts named images into the store, but not those of several platforms', () => {
    const local: Output = { type: 'local', dest: 'x' }
    assert.equal(outputsOf({}, 1), [{ type: 'image' }])
    assert.equal(outputsOf({ tags: ['a'], outputs: [local] }, 1), [{ type: 'image' }, local])
    assert.equal(outputsOf({ outputs: [local] }, 1), [local])
    assert.equal(outputsOf({ tags: ['a'], outputs: [local] }, 2), [local])
    assert.equal(outputsOf({ tags: ['a'] }, 2), [{ type: 'image' }])
    assert.equal(outputsOf({}, 2), [])
  })

  test('annotationsAt() takes those of a place, and those of a platform over the general ones', () => {
    const list: Annotation[] = [
      { key: 'a', value: 'arm', platform: 'linux/arm64/v8' },
      { key: 'a', value: 'all' },
      { key: 'b', value: '1', on: 'manifest' },
      { key: 'b', value: '2' },
      { key: 'c', value: 'i', on: 'index' },
    ]
    const [amd, arm] = two
    assert.equal(annotationsAt(list, 'manifest', arm), { a: 'arm', b: '2' })
    assert.equal(annotationsAt(list, 'manifest', amd), { a: 'all', b: '2' })
    assert.equal(annotationsAt(list, 'index'), { c: 'i' })
    assert.equal(annotationsAt(list, 'index-descriptor'), {})
  })
})
