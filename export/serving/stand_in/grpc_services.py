"""PredictionService and ModelService over gRPC."""

from __future__ import annotations

import functools
from typing import Callable

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from stand_in.servable import DEFAULT, Code, Refused, Servable, Tally, refuse, to_array

_LONGEST_DETAILS = 2000  # gRPC sends them as a header, whose size is bounded


def add_services(server: grpc.Server, servable: Servable, tally: Tally, most_bytes: int) -> None:
    """Lets a server answer for a model."""
    prediction = PredictionService(servable, tally, most_bytes)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(prediction, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(servable, tally), server)


def metadata(servable: Servable, request: get_model_metadata_pb2.GetModelMetadataRequest):
    """The signatures of the model, as get_model_metadata_impl.cc answers.

    Raises:
        Refused: there is no such model, or another field is wanted.
    """
    if not request.HasField('model_spec'):
        refuse('Missing ModelSpec')
    if not request.metadata_field:
        refuse('GetModelMetadataRequest must specify at least one metadata_field')
    for field in request.metadata_field:
        if field != 'signature_def':
            refuse(f'Metadata field {field} is not supported')
    servable.find(request.model_spec)
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name, response.model_spec.version.value = servable.name, servable.version
    definitions = get_model_metadata_pb2.SignatureDefMap(signature_def=servable.definitions)
    response.metadata['signature_def'].Pack(definitions)
    return response


def status(servable: Servable, request: get_model_status_pb2.GetModelStatusRequest):
    """The state of the version, as get_model_status_impl.cc answers.

    Raises:
        Refused: there is no such model or version.
    """
    if not request.HasField('model_spec'):
        refuse('Missing ModelSpec')
    spec = request.model_spec
    if spec.HasField('version') and (spec.name, spec.version.value) != (servable.name, servable.version):
        refuse(f'Could not find version {spec.version.value} of model {spec.name}', Code.NOT_FOUND)
    if spec.name != servable.name:
        refuse(f'Could not find any versions of model {spec.name}', Code.NOT_FOUND)
    response = get_model_status_pb2.GetModelStatusResponse()
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    response.model_version_status.add(version=servable.version, state=available).status.SetInParent()
    return response


def _answered(method: Callable) -> Callable:
    """Turns refusals into statuses, and counts."""

    @functools.wraps(method)
    def guarded(self: PredictionService | ModelService, request: object, context: grpc.ServicerContext) -> object:
        try:
            with self.tally:
                return method(self, request, context)
        except Refused as refused:
            code, reason = refused.status, refused.reason
        except Exception as error:  # a fault of this server ends one request, not the server
            code, reason = Code.INTERNAL, repr(error)
        return context.abort(code, reason[:_LONGEST_DETAILS])

    return guarded


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; a generator has nothing to classify.

    Args:
        servable: what answers.
        tally: counts requests.
        most_bytes: of an input.
    """

    def __init__(self, servable: Servable, tally: Tally, most_bytes: int) -> None:
        self.servable, self.tally, self.most_bytes = servable, tally, most_bytes

    @_answered
    def Predict(self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext):  # noqa: N802
        """Answers one request."""
        if not request.HasField('model_spec'):
            refuse('Missing ModelSpec')
        self.servable.find(request.model_spec)
        signature = request.model_spec.signature_name or DEFAULT
        self.servable.inputs_of(signature)
        inputs = {name: to_array(name, value, self.most_bytes) for name, value in request.inputs.items()}
        outputs = self.servable.predict(signature, inputs, list(request.output_filter), context.time_remaining())
        response = predict_pb2.PredictResponse()
        response.model_spec.name, response.model_spec.signature_name = self.servable.name, signature
        response.model_spec.version.value = self.servable.version
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response

    @_answered
    def GetModelMetadata(self, request, context):  # noqa: N802
        """The signatures."""
        return metadata(self.servable, request)

    @_answered
    def Classify(self, request, context):  # noqa: N802
        """Refuses: no signature is for it."""
        refuse('Expected classification signature method_name; this model has signatures for Predict alone')

    @_answered
    def Regress(self, request, context):  # noqa: N802
        """Refuses: no signature is for it."""
        refuse('Expected regression signature method_name; this model has signatures for Predict alone')


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus; models are not reloaded.

    Args:
        servable, tally: as `PredictionService`.
    """

    def __init__(self, servable: Servable, tally: Tally) -> None:
        self.servable, self.tally = servable, tally

    @_answered
    def GetModelStatus(self, request, context):  # noqa: N802
        """The state of the version."""
        return status(self.servable, request)
