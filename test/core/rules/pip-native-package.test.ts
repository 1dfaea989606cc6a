import { expect } from 'chai';
import { isBefore } from '../../../packages/core/src/knowledge/python-packages.ts';
import { pipNativePackage } from '../../../packages/core/src/rules/pip-native-package.ts';
import { x86OnlyFrameworkBuild } from '../../../packages/core/src/rules/x86-only-framework-build.ts';
import { ruleTable } from '../../support/rule-table.ts';

const slim = 'FROM python:3.8-slim\n';
const arm32 = (text: string): { v7: string; v6: string } => ({ v7: text, v6: text });

ruleTable(pipNativePackage, [
  {
    text: `${slim}RUN pip install numpy==1.16.4`,
    arm64: 'warning none: numpy==1.16.4',
    ...arm32('warning suggest: numpy==1.16.4'),
  },
  { text: `${slim}RUN pip3 install --no-cache-dir numpy flask`, ...arm32('warning suggest: numpy') },
  { text: `${slim}RUN python -m pip install "Pillow>=8"`, ...arm32('warning suggest: Pillow>=8') },
  {
    text: `${slim}RUN pip install 'scipy<1.5' lxml==4.9`,
    arm64: 'warning none: scipy<1.5',
    ...arm32('warning suggest: scipy<1.5'),
  },
  { text: `${slim}RUN pip3 wheel -w /w numpy`, ...arm32('warning suggest: numpy') },
  // A compiler is there.
  { text: 'FROM python:3.8\nRUN pip install pandas', ...arm32('info suggest: pandas') },
  {
    text: `${slim}RUN apt-get install -y build-essential\nRUN pip install numpy==1.18`,
    arm64: 'info none: numpy==1.18',
    ...arm32('info suggest: numpy==1.18'),
  },
  {
    text: 'FROM python:3.8-alpine\nRUN apk add --virtual .d gcc musl-dev && pip install pandas',
    ...arm32('info none: pandas'),
  },
  // What a file asks for, the file tells.
  {
    text: `${slim}RUN pip install --no-cache-dir -r requirements.txt -c numpy==1.16`,
    ...arm32('info suggest: requirements.txt'),
  },
  { text: 'FROM python:3.12-alpine\nRUN pip3 install -r /tmp/r.txt', ...arm32('info none: /tmp/r.txt') },
  { text: `${slim}RUN pip install --index-url https://example.org/ours -r requirements.txt` },
  // Nothing to say.
  { text: `${slim}RUN pip install flask requests psutil bcrypt` },
  { text: `${slim}RUN pip install --extra-index-url https://www.piwheels.org/simple numpy==1.16.4` },
  { text: `${slim}RUN pip install --index-url https://example.org/ours numpy==1.16.4` },
  { text: `${slim}RUN pip uninstall numpy; echo pip install numpy` },
  { text: `${slim}RUN if [ "$(uname -m)" = x86_64 ]; then pip install numpy==1.16.4; fi` },
  { text: 'FROM --platform=$BUILDPLATFORM python:3.8-slim\nRUN pip install numpy==1.16.4' },
]);

ruleTable(x86OnlyFrameworkBuild, [
  { text: 'RUN pip install tensorflow==1.15', all: 'error none: tensorflow==1.15' },
  { text: 'RUN pip install tensorflow-gpu', all: 'error none: tensorflow-gpu' },
  { text: 'RUN pip install "tensorflow<2.4" keras', all: 'error none: tensorflow<2.4' },
  { text: 'RUN pip install tensorflow', ...arm32('error none: tensorflow') },
  { text: 'RUN pip install tensorflow==2.*', ...arm32('error none: tensorflow==2.*') },
  { text: 'RUN pip install tensorflow==1.*', all: 'error none: tensorflow==1.*' },
  {
    text: 'RUN pip install torch==1.4.0 torchvision==0.5',
    all: 'error none: torch==1.4.0; error none: torchvision==0.5',
  },
  {
    text: 'RUN pip install torch==1.13.1+cu117 -f https://download.pytorch.org/whl/torch_stable.html',
    all: 'error none: torch==1.13.1+cu117',
  },
  {
    text: 'RUN pip install torch --index-url https://download.pytorch.org/whl/cpu',
    ...arm32('error none: torch'),
  },
  {
    text: 'RUN pip install mkl-service onnxruntime-gpu',
    all: 'error none: mkl-service; error none: onnxruntime-gpu',
  },
  { text: 'RUN pip install mxnet-cu101', all: 'error none: mxnet-cu101' },
  { text: 'RUN pip install tflite-runtime onnxruntime keras' },
  { text: 'RUN pip install --index-url https://example.org/jetson torch==1.4' },
  { text: 'RUN case $TARGETARCH in amd64) pip install tensorflow==1.15;; esac' },
  { text: 'RUN echo pip install tensorflow==1.15' },
]);

describe('isBefore', () => {
  const rows: readonly (readonly [asked: string | undefined, version: string, before: boolean])[] = [
    ['==1.16.4', '1.19.0', true],
    ['==1.19', '1.19.0', false],
    ['===1.18', '1.19.0', true],
    ['==1.9', '1.19.0', true],
    ['<1.19', '1.19.0', true],
    ['<1.19.1', '1.19.0', false],
    ['<=1.18', '1.19.0', true],
    ['>=1.16,<1.18', '1.19.0', true],
    ['>=1.16', '1.19.0', false],
    ['>=1,<2', '1.19.0', false],
    ['~=1.16.0', '1.19.0', true],
    ['~=1.16', '1.19.0', false],
    ['==1.18.*', '1.19.0', true],
    ['==1.*', '1.19.0', false],
    ['==1.16; python_version<"3"', '1.19.0', true],
    ['!=1.16', '1.19.0', false],
    [undefined, '1.19.0', false],
    ['', '1.19.0', false],
  ];
  for (const [asked, version, before] of rows) {
    it(`${asked} ${version}`, () => expect(isBefore(asked, version)).to.equal(before));
  }
});
