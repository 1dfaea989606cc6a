import { expect } from 'chai';
import { readCode } from '../../../packages/core/src/analysis/code-words.ts';
import { installOperands } from '../../../packages/core/src/analysis/install-operands.ts';
import { siteAt } from '../../../packages/core/src/analysis/mapped-text.ts';
import { parseDockerfile } from '../../../packages/core/src/index.ts';

/** Instructions -> `manager name [architecture] [version]` of each operand. */
const rows: readonly (readonly [text: string, operands: string])[] = [
  [
    'RUN apt-get update && apt-get install -y --no-install-recommends curl git=1:2.30-1',
    'apt curl, apt git =1:2.30-1',
  ],
  ['RUN DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install a b', 'apt a, apt b'],
  ['RUN apt install -t bookworm-backports a/stable libc6:i386 old-', 'apt a /stable, apt libc6 :i386'],
  ['RUN sudo -E apt-get install -y a', 'apt a'],
  ['RUN env A=b /usr/bin/apt-get install a', 'apt a'],
  ['RUN sudo aptitude -y install a', 'apt a'],
  ['RUN apt-get install -y ./foo_amd64.deb /tmp/x.deb g++ libstdc++6', 'apt g++, apt libstdc++6'],
  [
    'RUN apk add --no-cache --virtual .build gcc=~10 musl-dev>1 foo@edge',
    'apk gcc =~10, apk musl-dev, apk foo @edge',
  ],
  ['RUN apk --no-cache -X https://x/main add -t .d "a>=1" b', 'apk a >=1, apk b'],
  ['RUN yum -y --enablerepo=x install a.x86_64 b-1.2.i686 https://x/y.rpm', 'rpm a .x86_64, rpm b-1.2 .i686'],
  [
    'RUN dnf install -y --setopt install_weak_deps=0 a && microdnf install b && zypper -n in c',
    'rpm a, rpm b, rpm c',
  ],
  [
    'RUN pip install -r requirements.txt --extra-index-url https://x Foo_Bar[x,y]==1.0 baz',
    'pip foo-bar ==1.0, pip baz',
  ],
  ['RUN python3.9 -m pip install --upgrade pip "numpy>=1,<2"', 'pip pip, pip numpy >=1,<2'],
  [
    'RUN pip2.7 install a; uv pip install b; /opt/venv/bin/pip install c git+https://x/y . ./z',
    'pip a, pip b, pip c',
  ],
  [
    'RUN npm install -g @scope/a@1.2 b && yarn global add c && pnpm add --filter x d && npm ci',
    'npm @scope/a @1.2, npm b, npm c, npm d',
  ],
  ['RUN gem install bundler -v 1.17 rake:12 --no-document -- --with-x', 'gem bundler, gem rake :12'],
  [
    'RUN conda install -y -c conda-forge -n base mkl=2019 conda-forge::numpy && mamba create -n x python=3',
    'conda mkl =2019, conda numpy, conda python =3',
  ],
  ['RUN cargo install --git https://x --locked ripgrep', 'cargo ripgrep'],
  ['RUN go install -ldflags "-s -w" github.com/a/b/cmd/c@latest', 'go github.com/a/b/cmd/c @latest'],
  ['ENV PKGS="a b"\nRUN apt-get install -y $PKGS c', 'apt a, apt b, apt c'],
  ['ARG V=1.2\nRUN apt-get install -y a=$V', 'apt a =1.2'],
  ['RUN set -x; deps="a  b=1"; apt-get install -y $deps $more', 'apt a, apt b =1'],
  ['RUN apt-get install -y linux-headers-$(uname -r) $(cat list of) a`b c`', ''],
  ['RUN ["apt-get", "install", "-y", "a"]', 'apt a'],
  ['RUN <<EOF\napt-get install -y \\\n  a \\\n  b\nEOF', 'apt a, apt b'],
  ['RUN if true; then apt-get install -y a; fi', 'apt a'],
  // Nothing is installed by name.
  ['RUN apt-cache search a; apt-get remove b; apk del c; pip uninstall d; pip download e', ''],
  ['RUN echo apt-get install a; grep install apt', ''],
  ['RUN npm run install a; yum groupinstall b; go build ./...', ''],
  ['CMD apt-get install a', ''],
];

describe('installOperands', () => {
  for (const [text, expected] of rows) {
    it(JSON.stringify(text), () => {
      const reading = readCode(parseDockerfile(`FROM debian\n${text}\n`));
      const found = installOperands(reading).map(({ manager, name, architecture, version }) =>
        [manager, name, architecture?.text, version?.text].filter(Boolean).join(' '),
      );
      expect(found.join(', ')).to.equal(expected);
    });
  }

  it('knows where each name is written', () => {
    const text = 'FROM debian\nENV A="a bb"\nRUN x="cc d"; apt-get install $A $x "e=1"\n';
    const written = installOperands(readCode(parseDockerfile(text))).map(({ word, start, end }) => {
      const [piece] = siteAt(word.mapped, start, end)?.pieces ?? [];
      return piece && text.slice(piece.start, piece.end);
    });
    expect(written).to.deep.equal(['a', 'bb', 'cc', 'd', 'e=1']);
  });
});
