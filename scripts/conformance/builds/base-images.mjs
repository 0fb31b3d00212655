import { execFileSync } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { chmod, copyFile, cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { baseImage, baseImageProblem, findProgram } from '../../../packages/testkit/dist/index.js'
import { readImage } from './image.mjs'
import { tsbuild } from './program.mjs'

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const folders = ['bin', 'etc', 'tmp', 'root', 'var', 'usr/bin', 'home', 'proc', 'sys', 'dev', 'run']

/** Root folders that have the base images and nothing else; each case starts with a copy of one. */
export class BaseRoots {
  #work
  #passwd
  #made = new Map()
  /** Diff ids of the base images' layers. */
  layers = new Set()

  /** @param passwd the folder with `passwd` and `group` of the small image */
  constructor(work, passwd) {
    this.#work = work
    this.#passwd = passwd
  }

  /** Why an image can't be made here. */
  problem(name) {
    if (name === 'debian') return baseImageProblem('debian')
    return findProgram('busybox') === undefined ? 'busybox-static is not installed' : undefined
  }

  /** Fills `root` with the images of one kind. */
  async fill(name, root) {
    if (!this.#made.has(name)) this.#made.set(name, this.#make(name))
    const from = await this.#made.get(name)
    execFileSync('cp', ['-a', '--reflink=auto', from, root])
  }

  async #make(name) {
    const root = join(this.#work, `base-${name}`)
    await this.#build(root, 'sh', ['busybox:latest', 'busybox:stable', 'alpine:latest'], (tar) => this.#busybox(tar))
    if (name === 'debian') {
      await this.#build(root, 'bash', ['debian:bookworm', 'debian:latest'], async (tar) => {
        const { tar: made } = await baseImage('debian')
        try {
          linkSync(made, tar)
        } catch {
          await copyFile(made, tar)
        }
      })
    }
    return root
  }

  async #build(root, command, names, makeTar) {
    const context = join(this.#work, `context-${names[0].replace(':', '-')}`)
    if (!existsSync(context)) mkdirSync(context)
    await makeTar(join(context, 'rootfs.tar'))
    writeFileSync(join(context, 'Dockerfile'), `FROM scratch\nADD rootfs.tar /\nENV ${path}\nCMD ["${command}"]\n`)
    const archive = join(context, 'image.tar')
    const tags = names.flatMap((name) => ['-t', name])
    const { code, stderr } = await tsbuild(root, ['build', '-q', ...tags, '-o', `type=oci,dest=${archive}`, context])
    if (code !== 0) throw new Error(`the base image ${names[0]} does not build: ${stderr.slice(-400)}`)
    for (const { diffId } of readImage(archive).layers) this.layers.add(diffId)
    await rm(context, { recursive: true })
  }

  /** The machine's static busybox with a link for each applet. */
  async #busybox(tar) {
    const rootfs = `${tar}.d`
    for (const folder of folders) mkdirSync(join(rootfs, folder), { recursive: true, mode: 0o755 })
    await chmod(join(rootfs, 'tmp'), 0o1777)
    const program = findProgram('busybox')
    await cp(program, join(rootfs, 'bin/busybox'))
    const applets = execFileSync(program, ['--list'], { encoding: 'utf8' }).split('\n')
    for (const applet of applets) {
      if (applet !== '' && applet !== 'busybox') symlinkSync('busybox', join(rootfs, 'bin', applet))
    }
    symlinkSync('/bin/env', join(rootfs, 'usr/bin/env'))
    for (const name of ['passwd', 'group']) {
      await copyFile(join(this.#passwd, name), join(rootfs, 'etc', name))
      await chmod(join(rootfs, 'etc', name), 0o644)
    }
    execFileSync('tar', ['-C', rootfs, '--owner=0', '--group=0', '--numeric-owner', '-cf', tar, '.'])
    await rm(rootfs, { recursive: true })
  }
}
