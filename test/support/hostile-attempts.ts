/** What a RUN tries; it prints what it got. */
export interface Attempt {
  readonly name: string;
  /** For `/bin/sh` of busybox. HOME stands for the builder's own folder, SECRET for the name of a file that only it has. */
  readonly tries: string;
  /** Flags of RUN. */
  readonly flags?: string;
  /** USER, where it is not root. */
  readonly user?: string;
  /** What it got. */
  readonly gets: string | RegExp;
}

/** Each in a RUN of its own, one after the other, in one build. */
export const attempts: readonly Attempt[] = [
  { name: 'to read a file of the builder', tries: 'cat HOME/SECRET 2>&1', gets: /No such file/ },
  {
    name: 'to find a file of the builder anywhere',
    tries: 'find / -name SECRET 2>/dev/null | wc -l',
    gets: '0\n',
  },
  {
    name: 'to find it through the processes’ roots',
    tries: 'ls /proc/*/root/HOME /proc/*/cwd/HOME 2>/dev/null | wc -l',
    gets: '0\n',
  },
  { name: 'to enter the root of process 1', tries: 'ls /proc/1/root 2>&1', gets: /Permission denied/ },
  {
    name: 'to write into the memory of process 1',
    tries: 'echo x 2>&1 >/proc/1/mem',
    gets: /Permission denied/,
  },
  {
    name: 'to read the builder’s environment',
    tries:
      'cat /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n" | grep -c -e TOKEN -e DOCKER_CONFIG -e MABUILD; env | grep -c TOKEN',
    gets: '0\n0\n',
  },
  {
    name: 'to find credentials',
    tries:
      'find / -xdev -path "*docker/config.json" 2>/dev/null | wc -l; find / -xdev -name auth.json | wc -l',
    gets: '0\n0\n',
  },
  {
    name: 'to find the cache',
    tries: 'find / -name "layers" -type d 2>/dev/null | grep -v -e ^/proc -e ^/sys | wc -l',
    gets: '0\n',
  },
  {
    name: 'to see other processes',
    tries: 'for p in /proc/[0-9]*; do tr "\\0" " " <$p/cmdline; done | grep -c -e [n]ode -e [m]ocha',
    gets: '0\n',
  },
  {
    name: 'to tell the builder lies',
    tries: 'for n in 3 4 5 6 7 8; do (echo "{}" >&$n) 2>/dev/null && echo $n; done; ls /proc/self/fd | wc -l',
    gets: '4\n',
  },
  {
    name: 'to write to the kernel’s settings',
    tries:
      'for f in sys/kernel/core_pattern sys/kernel/modprobe sysrq-trigger sys/fs/binfmt_misc/register; do (: >>/proc/$f) 2>/dev/null && echo $f; done; echo done',
    gets: 'done\n',
  },
  {
    name: 'to write to /sys',
    tries:
      'find /sys -maxdepth 3 -type f -name "u*" 2>/dev/null | while read f; do (: >>$f) 2>/dev/null && echo $f; done; echo done',
    gets: 'done\n',
  },
  {
    name: 'to mount',
    tries:
      'mkdir /m; for t in proc sysfs tmpfs; do mount -t $t x /m 2>/dev/null && echo $t; done; mount --bind / /m 2>/dev/null && echo bind; rmdir /m; echo done',
    gets: 'done\n',
  },
  {
    name: 'to unmount what is protected',
    tries:
      'umount /proc/sys 2>/dev/null && echo no; umount -l /proc 2>/dev/null && echo no; umount /etc/resolv.conf 2>/dev/null && echo no; echo done',
    gets: 'done\n',
  },
  {
    name: 'to put a link in the place of a mount point',
    tries:
      'ln -sf /root /etc/resolv.conf 2>/dev/null && echo no; mv /etc/hosts /x 2>/dev/null && echo no; rm -rf /proc 2>/dev/null && echo no; echo done',
    gets: 'done\n',
  },
  {
    name: 'to open a disk by a node that it makes',
    tries:
      'for n in "b 254 0" "b 8 0" "b 7 0" "c 1 1" "c 10 229"; do rm -f /d; mknod /d $n 2>/dev/null && head -c 1 /d 2>/dev/null && echo $n; done; rm -f /d; echo done',
    gets: 'done\n',
  },
  {
    name: 'to leave a device in a shared cache',
    flags: '--mount=type=cache,target=/c',
    tries:
      'mknod /c/d b 254 0 2>/dev/null; cp /bin/busybox /c/busybox; chmod 4755 /c/busybox; ln -s /root /c/l; echo left',
    gets: 'left\n',
  },
  {
    name: 'to open it there later',
    flags: '--mount=type=cache,target=/c',
    tries: 'head -c 1 /c/d 2>/dev/null && echo opened; echo done',
    gets: 'done\n',
  },
  {
    name: 'to become root by a program that another RUN left in a cache',
    flags: '--mount=type=cache,target=/c,readonly',
    user: 'app',
    tries: '/c/busybox id -u; grep CapEff /proc/self/status',
    // It is root of the container, as with any set-user-id program of an image.
    gets: /^(?:0|1000)\nCapEff:\t0000000000000000\n$/,
  },
  {
    name: 'to mount a cache through a link',
    flags: '--mount=type=cache,target=/out/x,id=linked',
    tries: 'ls -d /tmp/x && echo there',
    gets: '/tmp/x\nthere\n',
  },
  { name: 'to go above the root', tries: 'cd ../../../..; pwd; ls -a | grep -c SECRET', gets: '/\n0\n' },
  {
    name: 'to keep a process running',
    tries: '(setsid sleep MARK >/dev/null 2>&1 &); (trap "" TERM HUP INT; sleep MARK & echo on)',
    gets: 'on\n',
  },
  {
    name: 'to see what an earlier RUN left running',
    tries: 'for p in /proc/[0-9]*; do tr "\\0" " " <$p/cmdline; done | grep -c MAR[K]',
    gets: '0\n',
  },
  {
    name: 'to lock up folders',
    tries:
      'mkdir -p /locked/in/side; echo x >/locked/in/f; chmod 000 /locked/in/f /locked/in/side /locked/in /locked; echo done',
    gets: 'done\n',
  },
  {
    name: 'names that confuse',
    tries:
      'mkdir /names; cd /names; touch "a b" "$(printf "new\\nline")" "$(printf "\\033[31mred")" ./-rf "..." "CASE" "case" "*"; set -- *; echo $#',
    gets: '7\n',
  },
];
