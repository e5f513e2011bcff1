"""The numbers of the fields of onnx.proto that are read or written here.

    wire_format, [onnx_fields] -> label_input, directions

A file of its own because two modules change graphs, and neither is about the other. A name is MESSAGE_FIELD.
"""

MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_CONSTANT, GRAPH_INPUT, GRAPH_OUTPUT = 1, 5, 11, 12
NODE_INPUT, NODE_OUTPUT, NODE_OPERATOR, NODE_ATTRIBUTE, NODE_DOMAIN = 1, 2, 4, 5, 7
ATTRIBUTE_INTEGER, ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS = 3, 6, 11
TENSOR_SIZE, TENSOR_DTYPE, TENSOR_FLOATS, TENSOR_NAME, TENSOR_BYTES, TENSOR_ELSEWHERE = 1, 2, 4, 8, 9, 13
VALUE_NAME, VALUE_TYPE = 1, 2
TYPE_TENSOR = 1
TENSOR_TYPE_DTYPE, TENSOR_TYPE_SHAPE = 1, 2
SHAPE_SIZE, SIZE_NUMBER = 1, 1

FLOAT32 = 1
"""A value of TENSOR_DTYPE."""
