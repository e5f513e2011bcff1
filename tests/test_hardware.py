"""What is said of a machine."""

from load.bench.hardware import described, kind, processor

CPUINFO = """\
processor\t: 0
model name\t: A Processor 9000
flags\t\t: fpu sse2 avx2 avx512f amx_bf16 avx512_bf16

processor\t: 1
model name\t: A Processor 9000
flags\t\t: fpu sse2 avx2 avx512f amx_bf16 avx512_bf16
"""


def test_a_processor_has_a_name_and_the_features_that_choose_kernels():
    assert processor(CPUINFO) == ("A Processor 9000", ("avx2", "avx512f", "avx512_bf16", "amx_bf16"))


def test_the_same_machine_is_of_the_same_kind_and_a_description_names_libraries_and_the_day():
    assert kind() == kind()
    assert kind() in described()
    assert "onnxruntime " in described()
    assert described().startswith("20")
