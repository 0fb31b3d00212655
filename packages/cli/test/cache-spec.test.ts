import { hasCode, type TsbuildError } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { parseCacheFrom, parseCacheTo } from '../dist/build/cache-spec.js'

const digest = `sha256:${'a'.repeat(64)}`
const registry = { type: 'registry', ref: 'a' }

const sources: Record<string, readonly object[]> = {
  '': [],
  'user/app:cache': [{ type: 'registry', ref: 'user/app:cache' }],
  'a,localhost:5000/b': [registry, { type: 'registry', ref: 'localhost:5000/b' }],
  required: [{ type: 'registry', ref: 'required' }],
  [`a@${digest}`]: [{ type: 'registry', ref: `a@${digest}` }],
  'type=registry,ref=localhost:5000/a:b': [{ type: 'registry', ref: 'localhost:5000/a:b' }],
  'TYPE=registry,REF=a': [registry],
  'ref=a,type=registry': [registry],
  '"type=registry","ref=a"': [registry],
  'type=registry,ref=b,ref=a': [registry],
  'type=local,src=cache': [{ type: 'local', src: 'cache' }],
  'type=local,"src=a,b",tag=x': [{ type: 'local', src: 'a,b', tag: 'x' }],
  [`type=local,src=a=b,digest=${digest}`]: [{ type: 'local', src: 'a=b', digest }],
  'type=s3,bucket=b': [{ type: 's3', bucket: 'b' }],
  'type=s3,bucket=b,region=,access_key_id=,secret_access_key=,session_token=,endpoint_url=': [
    { type: 's3', bucket: 'b' },
  ],
  'type=s3,bucket=b,region=r,endpoint_url=http://127.0.0.1:9000,prefix=p/,blobs_prefix=,manifests_prefix=m/,name=x;y,use_path_style=true':
    [
      {
        type: 's3',
        bucket: 'b',
        region: 'r',
        endpointUrl: 'http://127.0.0.1:9000',
        prefix: 'p/',
        blobsPrefix: '',
        manifestsPrefix: 'm/',
        names: ['x', 'y'],
        usePathStyle: true,
      },
    ],
  'type=s3,bucket=b,access_key_id=i,secret_access_key=k==,session_token=t': [
    { type: 's3', bucket: 'b', accessKeyId: 'i', secretAccessKey: 'k==', sessionToken: 't' },
  ],
}

const badSources: Record<string, RegExp> = {
  'a,': /its ref: it is empty/,
  'user/App': /its ref: .*lower/,
  'user/app:cache,mode=max': /"user\/app:cache" is not key=value/,
  'ref=a': /it has no type/,
  'type=,ref=a': /type "" is unknown/,
  'type=gha,scope=x': /type "gha" is unknown/,
  'type=azblob,name=x': /type "azblob" is unknown/,
  'type=inline': /an inline cache has no place of its own/,
  'type=inline,ref=a': /an inline cache has no place of its own/,
  'type=registry': /type=registry needs ref=/,
  'type=registry,ref=': /type=registry needs ref=/,
  'type=registry,ref=https://x/y': /its ref: it starts with a URL scheme/,
  'type=registry,ref=a,mode=max': /type=registry has no key "mode"/,
  'type=registry,ref=a,required': /"required" is not key=value/,
  'type=registry,ref=a,registry.insecure=true': /type=registry has no key "registry.insecure"/,
  'type=local': /type=local needs src=/,
  'type=local,dest=x': /type=local has no key "dest"/,
  'type=local,src=x,tag=': /tag is empty/,
  'type=local,src=x,digest=sha256:1': /digest "sha256:1" is not sha256/,
  'type=s3': /type=s3 needs bucket=/,
  'type=s3,bucket=': /type=s3 needs bucket=/,
  'type=s3,bucket=b,touch_refresh=1h': /type=s3 has no key "touch_refresh"/,
  'type=s3,bucket=b,mode=max': /type=s3 has no key "mode"/,
  'type=s3,bucket=b,use_path_style=maybe': /use_path_style "maybe": not true or false/,
  'type=s3,bucket=b,endpoint_url=localhost:9000': /endpoint_url is not http/,
  'type=s3,bucket=b,endpoint_url=http://': /endpoint_url is not http/,
  'type=s3,bucket=b,name=x;': /one of its names is empty/,
  'type=s3,bucket=b,access_key_id=i': /belong together/,
  'type=s3,bucket=b,secret_access_key=k': /belong together/,
  'type=s3,bucket=b,session_token=t': /belong together/,
  'type=local,"src=x': /quotes do not match/,
}

const targets: Record<string, readonly object[]> = {
  '': [],
  'user/app:cache': [{ type: 'registry', ref: 'user/app:cache' }],
  'a,b,required': [
    { ...registry, required: true },
    { type: 'registry', ref: 'b', required: true },
  ],
  'type=registry,ref=a,required': [{ ...registry, required: true }],
  'type=registry,required,ref=a,ignore-error=false': [{ ...registry, required: true }],
  'type=registry,ref=a,ignore-error=false': [{ ...registry, required: true }],
  'type=registry,ref=a,ignore-error=true': [{ ...registry, required: false }],
  'type=registry,ref=a,mode=max,compression=zstd,compression-level=22,force-compression=true': [
    { ...registry, mode: 'max', compression: 'zstd', compressionLevel: 22, forceCompression: true },
  ],
  'type=registry,ref=a,oci-mediatypes=true,image-manifest=1': [registry],
  'type=local,dest=cache': [{ type: 'local', dest: 'cache' }],
  'type=local,dest=cache,tag=t,mode=min,compression=uncompressed': [
    { type: 'local', dest: 'cache', tag: 't', mode: 'min', compression: 'uncompressed' },
  ],
  'type=inline': [{ type: 'inline' }],
  'type=s3,bucket=b,name=main,touch_refresh=1h30m,mode=max,required': [
    { type: 's3', bucket: 'b', names: ['main'], touchRefreshMs: 5_400_000, mode: 'max', required: true },
  ],
}

const badTargets: Record<string, RegExp> = {
  [`a@${digest}`]: /its ref has a digest/,
  [`type=registry,ref=a@${digest}`]: /its ref has a digest/,
  'type=gha': /type "gha" is unknown/,
  'type=constructor': /type "constructor" is unknown/,
  'type=registry': /type=registry needs ref=/,
  'type=registry,ref=a,ignored': /"ignored" is not key=value/,
  'type=registry,ref=a,mode=all': /mode "all" is unknown/,
  'type=registry,ref=a,mode=': /mode "" is unknown/,
  'type=registry,ref=a,compression=estargz': /compression "estargz" is unknown/,
  'type=registry,ref=a,compression-level=high': /compression-level "high" is not a whole number/,
  'type=registry,ref=a,compression-level=10': /compression-level "10" is too high/,
  'type=registry,ref=a,compression=zstd,compression-level=23': /compression-level "23" is too high/,
  'type=registry,ref=a,compression=uncompressed,compression-level=1': /uncompressed has no levels/,
  'type=registry,ref=a,oci-mediatypes=false': /oci-mediatypes=false is not supported/,
  'type=local,dest=a,image-manifest=false': /image-manifest=false is not supported/,
  'type=registry,ref=a,image-manifest=maybe': /not true or false/,
  'type=registry,ref=a,ignore-error=maybe': /not true or false/,
  'type=registry,ref=a,required,ignore-error=true': /contradict each other/,
  'type=local': /type=local needs dest=/,
  'type=local,src=x': /type=local has no key "src"/,
  'type=local,dest=x,digest=y': /type=local has no key "digest"/,
  'type=inline,mode=max': /type=inline has no key "mode"/,
  'type=inline,required': /type=inline has no key "required"/,
  'type=s3,bucket=b,touch_refresh=daily': /touch_refresh "daily" is not a duration/,
  'type=s3,bucket=b,image-manifest=true': /type=s3 has no key "image-manifest"/,
  'type=s3,bucket=b,upload_parallelism=8': /type=s3 has no key "upload_parallelism"/,
}

/** None of them is understood, and each has the secret `s3cret`, or two parts of it. */
const secret: readonly string[] = [
  'type=s3,secret_access_key=s3cret',
  'type=s3,bucket=b,access_key_id=x,secret_access_key=s3cret,typo=1',
  'type=s3,bucket=b,SECRET_ACCESS_KEY=s3cret',
  'type=s3,bucket=b,secret-access-key=s3cret',
  'type=s3,bucket=b,access_key_id=x,secret_access_key=1,s3cret',
  'type=s3,bucket=b,session_token=s3cret',
  'type=s3,bucket=b,access_key_id=s3cret',
  'type=s3,bucket=b,"secret_access_key=s3cret',
  'type=s3,bucket=b,"secret_access_key=1,s3cret',
  'type=s3,bucket=b,"secret_access_key"=s3cret',
  'type=s3,bucket=b,endpoint_url=http://me:s3cret@localhost,x=1',
  'type=s3,"bucket=b,endpoint_url=http://me:s3cret@localhost',
  'type=gha,token=s3cret',
]

tests('cache specification', (test) => {
  const parsers = [
    ['parseCacheFrom', parseCacheFrom, sources, badSources],
    ['parseCacheTo', parseCacheTo, targets, badTargets],
  ] as const
  for (const [name, parse, good, bad] of parsers) {
    for (const [text, expected] of Object.entries(good)) {
      test(`${name}() reads "${text}"`, () => assert.equal(parse(text, {}), expected))
    }
    for (const [text, why] of Object.entries(bad)) {
      test(`${name}() rejects "${text}"`, () => {
        const error = failure(() => parse(text, {}))
        assert.ok(hasCode(error, 'ARGUMENT_INVALID'))
        assert.match(error.message, why)
      })
    }
    for (const text of secret) {
      test(`${name}() keeps the secret of "${text}"`, () => {
        const { message, hint } = failure(() => parse(text, {}))
        assert.not.match(`${message} ${hint}`, /s3cret/)
        assert.match(message, /^Cannot parse --cache-(from|to) .*"type=/)
      })
    }
  }

  test('parseCacheFrom() takes the bucket from the environment', () => {
    assert.equal(parseCacheFrom('type=s3', { AWS_BUCKET: 'b' }), [{ type: 's3', bucket: 'b' }])
    assert.equal(parseCacheFrom('type=s3,bucket=a', { AWS_BUCKET: 'b' }), [{ type: 's3', bucket: 'a' }])
  })

  test('parseCacheTo() tells what is known', () => {
    assert.match(failure(() => parseCacheTo('type=gha', {})).hint ?? '', /registry, local, inline, s3/)
    assert.match(failure(() => parseCacheFrom('type=inline', {})).hint ?? '', /type=registry,ref=IMAGE/)
    assert.match(failure(() => parseCacheFrom('type=local,source=x', {})).hint ?? '', /src, tag, digest/)
  })
})

function failure(body: () => unknown): TsbuildError {
  try {
    body()
  } catch (error) {
    return error as TsbuildError
  }
  throw new Error('nothing was thrown')
}
