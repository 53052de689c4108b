"""The C++ parts of the package: the runtime and the simulator of vendor `npu`. All else stands in setup.cfg."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tvm_ffi.libinfo
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

RUNTIME = Path("byoc/runtime")
NPU = Path("byoc/vendors/npu")
FLAGS = [
    "-std=c++17",
    "-fvisibility=hidden",
    # Python was built with -O3 -g, which takes twice as long; CFLAGS have the last word.
    *(os.environ.get("CFLAGS") or "-O2 -g0").split(),
    # As system headers: their warnings are not ours to heed.
    *(f"-isystem{path}" for path in tvm_ffi.libinfo.include_paths()),
]


def sources(folder: Path) -> list[str]:
    """The C++ files of a folder."""
    return [path.as_posix() for path in sorted(folder.glob("*.cc"))]


class BuildLibraries(build_ext):
    """Builds shared libraries that are loaded as such: no Python modules, and no Python in their names."""

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
    cmdclass={"build_ext": BuildLibraries},
    ext_modules=[
        Extension(
            "byoc.runtime.libbyoc_runtime",
            sources=sources(RUNTIME / "native"),
            depends=[path.as_posix() for path in sorted(RUNTIME.rglob("*.h"))],
            libraries=["tvm_ffi"],
            library_dirs=[str(Path(tvm_ffi.libinfo.find_libtvm_ffi()).parent)],
            extra_compile_args=FLAGS,
            # Where pip puts apache-tvm-ffi's library; an editable install has it loaded before this one.
            extra_link_args=["-Wl,-rpath,$ORIGIN/../../tvm_ffi/lib", "-Wl,--no-undefined"],
        ),
        Extension(
            "byoc.vendors.npu.libbyoc_npu",
            # With the runtime's SHA-256, and no more of it than a driver of anybody's has.
            sources=[*sources(NPU / "native"), (RUNTIME / "native" / "sha256.cc").as_posix()],
            depends=[path.as_posix() for path in sorted((NPU / "native").glob("*.h"))],
            include_dirs=[(RUNTIME / each).as_posix() for each in ("include", "native")],
            extra_compile_args=[
                *FLAGS,
                # Products are rounded before they are added, on every processor.
                "-ffp-contract=off",
                # Loops over elements are what the simulator's time goes into.
                "-fno-math-errno",
                "-fno-trapping-math",
                "-fvect-cost-model=dynamic",
            ],
            extra_link_args=["-Wl,--no-undefined"],
        ),
    ],
)
