"""The C++ part of the package: byoc/runtime/libbyoc_runtime.so. All else stands in setup.cfg."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tvm_ffi.libinfo
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NATIVE = Path("byoc/runtime/native")


class BuildRuntime(build_ext):
    """Builds a shared library that is loaded as such: no Python module, and no Python in its name."""

    def build_extensions(self) -> None:
        """Compile the sources side by side: most of the time goes into tvm-ffi's headers."""
        compile_all = self.compiler.compile

        def compile_each(sources: list[str], **options: object) -> list[str]:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                objects = pool.map(lambda source: compile_all([source], **options), sources)
                return [name for names in objects for name in names]

        self.compiler.compile = compile_each
        super().build_extensions()

    def get_ext_filename(self, name: str) -> str:
        """`a.b.c` is a/b/c.so."""
        return name.replace(".", "/") + ".so"

    def get_export_symbols(self, ext: Extension) -> list[str]:
        """No PyInit function."""
        return []


setup(
    cmdclass={"build_ext": BuildRuntime},
    ext_modules=[
        Extension(
            "byoc.runtime.libbyoc_runtime",
            sources=[path.as_posix() for path in sorted(NATIVE.glob("*.cc"))],
            depends=[path.as_posix() for path in sorted(NATIVE.parent.rglob("*.h"))],
            libraries=["tvm_ffi"],
            library_dirs=[str(Path(tvm_ffi.libinfo.find_libtvm_ffi()).parent)],
            extra_compile_args=[
                "-std=c++17",
                "-fvisibility=hidden",
                # Python was built with -O3 -g, which takes twice as long; CFLAGS have the last word.
                *(os.environ.get("CFLAGS") or "-O2 -g0").split(),
                # As system headers: their warnings are not ours to heed.
                *(f"-isystem{path}" for path in tvm_ffi.libinfo.include_paths()),
            ],
            # Where pip puts apache-tvm-ffi's library; an editable install has it loaded before this one.
            extra_link_args=["-Wl,-rpath,$ORIGIN/../../tvm_ffi/lib", "-Wl,--no-undefined"],
        )
    ],
)
