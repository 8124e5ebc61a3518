"""Configuration and examples for servers that are not here: they parse, and name the same places."""

import re
from pathlib import Path

import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

PROGRAMS = Path(__file__).resolve().parent.parent / 'export' / 'serving'


def test_the_configuration_would_find_the_exports():
    text = (PROGRAMS / 'models.config').read_text()
    (config,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    compose = (PROGRAMS / 'compose.yaml').read_text()
    assert config.name == 'dvdgan' and f':{config.base_path}:ro' in compose
    (page,) = re.findall(r'path: "(.*)"', (PROGRAMS / 'monitoring.config').read_text())
    kubernetes = (PROGRAMS / 'kubernetes.yaml').read_text()
    assert page in kubernetes and config.base_path in kubernetes


def test_the_examples_are_yaml_that_binds_to_this_machine_and_has_probes():
    service = yaml.safe_load((PROGRAMS / 'compose.yaml').read_text())['services']['serving']
    assert all(port.startswith('127.0.0.1:') for port in service['ports'])
    assert service['restart'] and service['mem_limit'] and service['healthcheck']['test']
    kinds = {part['kind']: part for part in yaml.safe_load_all((PROGRAMS / 'kubernetes.yaml').read_text())}
    (container,) = kinds['Deployment']['spec']['template']['spec']['containers']
    assert {'readinessProbe', 'livenessProbe', 'startupProbe', 'resources'} <= set(container)
    assert container['readinessProbe']['httpGet']['path'] == '/v1/models/dvdgan/metadata'
    labels = kinds['Deployment']['spec']['template']['metadata']['labels']
    assert kinds['Service']['spec']['selector'].items() <= labels.items()
    kserve = yaml.safe_load((PROGRAMS / 'kserve.yaml').read_text())
    assert kserve['kind'] == 'InferenceService' and kserve['spec']['predictor']['model']['storageUri']
