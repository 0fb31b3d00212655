import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { callDifferences } from './call.mjs'
import { imageDifferences, warningDifferences } from './compare.mjs'
import { rebuildContext } from './context.mjs'
import { fileExpectations, unmetExpectations } from './expectations.mjs'
import { serveHttp } from './http-paths.mjs'
import { readImage } from './image.mjs'
import { tsbuild } from './program.mjs'

/** Runs one step of a case and gives all that is wrong with the outcome.
 * @param place `{ folder, work, root, at, registry, baseLayers }`: the case, an empty directory, the root folder, the step's number */
export async function runStep(step, golden, place) {
  const work = join(place.work, String(place.at))
  mkdirSync(work)
  const http = step.http === undefined ? undefined : await serveHttp(step.http)
  const replace = (text) =>
    text.replaceAll('{{HTTP}}', http?.url ?? '').replaceAll('{{REGISTRY}}', place.registry ?? '')
  try {
    const context = join(work, 'context')
    await rebuildContext(manifestOf(step, place.folder), context)
    const dockerfile = writeDockerfile(step, place.folder, work, context, replace)
    const args = [...flagsOf(step, { work, context, folder: place.folder, replace }), '-f', dockerfile]
    const { call } = step.build
    if (call !== undefined) {
      const ran = await tsbuild(place.root, ['build', `--call=${call},format=json`, ...args, context])
      return ran.code === 0
        ? callDifferences(call, step.expect, ran.stdout)
        : [`it fails: ${ran.stderr.trim().slice(-400)}`]
    }
    const outputs = outputsOf(step, work, replace)
    const ran = await tsbuild(place.root, ['build', '--progress', 'plain', ...args, ...outputs, context])
    return judge(step, golden, { ...place, work, ran, http })
  } finally {
    await http?.close()
  }
}

function manifestOf(step, folder) {
  const name = step.context_manifest ?? (step.context ? `${step.context}.json` : undefined)
  return name !== undefined && existsSync(join(folder, name))
    ? JSON.parse(readFileSync(join(folder, name), 'utf8'))
    : []
}

/** The Dockerfile that the step builds: the context's own, unless that has none or needs addresses filled in. */
function writeDockerfile(step, folder, work, context, replace) {
  const { file = 'Dockerfile', dockerfile_outside_context: outside } = step.build
  const path = outside ? join(work, 'Dockerfile') : join(context, file)
  const text = readFileSync(join(folder, step.dockerfile), 'utf8')
  const filled = replace(text)
  if (!existsSync(path) || filled !== text) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, filled)
  }
  return path
}

function flagsOf({ build, output, named_context_dirs: directories = {} }, { work, context, folder, replace }) {
  const pairs = (flag, values = {}) => Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`])
  const names = output.type === 'oci' ? (output.attrs?.name ?? '').split(',').filter(Boolean) : []
  const contexts = Object.entries(build.contexts ?? {}).map(([name, value]) => {
    if (!value.startsWith('local:')) return [name, replace(value)]
    const directory = directories[value.slice('local:'.length)]
    return [name, directory === undefined ? context : join(folder, directory)]
  })
  const secrets = Object.entries(build.secrets ?? {}).flatMap(([id, value], at) => {
    writeFileSync(join(work, `secret-${at}`), value)
    return ['--secret', `id=${id},src=${join(work, `secret-${at}`)}`]
  })
  return [
    ...pairs('--build-arg', build.args),
    ...(build.hostname && build.args?.BUILDKIT_SANDBOX_HOSTNAME === undefined
      ? ['--build-arg', `BUILDKIT_SANDBOX_HOSTNAME=${build.hostname}`]
      : []),
    ...pairs('--label', build.labels),
    ...(build.target ? ['--target', build.target] : []),
    ...(build.no_cache === true ? ['--no-cache'] : []),
    ...(Array.isArray(build.no_cache) ? ['--no-cache-filter', build.no_cache.join(',')] : []),
    ...(build.platform ? ['--platform', [build.platform].flat().join(',')] : []),
    ...pairs('--build-context', Object.fromEntries(contexts)),
    ...secrets,
    ...names.flatMap((name) => ['-t', name]),
  ]
}

/** An OCI archive to compare, the files where the origin looks at them, and what the step itself asks for. */
function outputsOf({ output: { type, attrs = {} }, expect }, work, replace) {
  const epoch = attrs['source-date-epoch']
  const rewrite = `${attrs['rewrite-timestamp'] ? ',rewrite-timestamp=true' : ''}${epoch === undefined ? '' : `,source-date-epoch=${epoch}`}`
  const directory = type === 'oci' && attrs.tar === 'false'
  const outputs = [`type=oci,dest=${join(work, 'image')}${directory ? ',tar=false' : ''}${rewrite}`]
  if (fileExpectations.some((name) => name in expect)) outputs.push(`type=local,dest=${join(work, 'files')}`)
  if (type === 'tar') outputs.push(`type=tar,dest=${join(work, 'files.tar')}`)
  if (type === 'image' && attrs.name)
    outputs.push(`type=image,name=${replace(attrs.name)}${attrs.push ? ',push=true' : ''}`)
  return outputs.flatMap((text) => ['-o', text])
}

function judge(step, golden, { work, ran, http, registry, baseLayers }) {
  const { code, stderr, hung } = ran
  if (hung) return ['it hangs']
  const { result: _, ...asserted } = typeof step.expect === 'string' ? {} : step.expect
  const agreed = step.expect.result === golden.result
  if (golden.result === 'error') {
    if (code === 0) return [`it builds, but should fail: ${golden.error.slice(0, 160)}`]
    return agreed ? unmetExpectations(asserted, { stderr }) : []
  }
  if (code !== 0) return [`it fails: ${stderr.trim().slice(-400)}`]
  const image = readImage(join(work, 'image'))
  const seen = {
    stderr,
    image,
    directory: join(work, 'files'),
    earlier: (number) => join(work, '..', String(number), 'files'),
    lastModified: () => http.lastModified('/'),
  }
  const strip = (text) =>
    text.replaceAll(registry ?? '{{REGISTRY}}', '{{REGISTRY}}').replace(/127\.0\.0\.1:\d+/g, 'HOST')
  return [
    ...imageDifferences(golden, image, baseLayers, strip),
    ...warningDifferences(golden.warnings ?? [], stderr),
    ...(agreed ? unmetExpectations(asserted, seen) : []),
  ]
}
