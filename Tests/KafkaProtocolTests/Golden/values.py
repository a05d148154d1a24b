"""The values in the golden frames. Keys are kafka-python's names; a version leaves out what it has no field for.

Every field has a value of its own, so that two fields of one type cannot be swapped unseen; a nullable field is null in
one element of each array of two.
"""

from uuid import UUID

ID1 = UUID("00112233-4455-6677-8899-aabbccddeeff")
ID2 = UUID("fedcba98-7654-3210-0123-456789abcdef")
NO_ID = UUID(int=0)

REQUESTS = {
    "Produce": dict(
        transactional_id="txn-1", acks=-1, timeout_ms=30001,
        topic_data=[
            dict(name="readings", partition_data=[
                dict(index=0, records=bytes(range(70))), dict(index=1, records=None)]),
            dict(name="alerts", partition_data=[dict(index=7, records=b"\xff\x00")]),
        ]),
    "Fetch": dict(
        cluster_id="cluster-1", replica_id=-1, max_wait_ms=501, min_bytes=2, max_bytes=52428801, isolation_level=1,
        session_id=77, session_epoch=78,
        topics=[
            dict(topic="readings", partitions=[
                dict(partition=0, current_leader_epoch=3, fetch_offset=4294967296, last_fetched_epoch=4,
                     log_start_offset=5, partition_max_bytes=1048577),
                dict(partition=1, current_leader_epoch=6, fetch_offset=8, last_fetched_epoch=9,
                     log_start_offset=10, partition_max_bytes=1048578)]),
            dict(topic="alerts", partitions=[]),
        ],
        forgotten_topics_data=[dict(topic="old", partitions=[11, 12])], rack_id="rack-1"),
    "ListOffsets": dict(
        replica_id=-1, isolation_level=1,
        topics=[
            dict(name="readings", partitions=[
                dict(partition_index=0, current_leader_epoch=3, timestamp=1700000000001),
                dict(partition_index=1, current_leader_epoch=4, timestamp=-2)]),
            dict(name="alerts", partitions=[dict(partition_index=5, current_leader_epoch=6, timestamp=-3)]),
        ]),
    "Metadata": dict(
        topics=[dict(topic_id=ID1, name="readings"), dict(topic_id=NO_ID, name="alerts")],
        allow_auto_topic_creation=False, include_cluster_authorized_operations=True,
        include_topic_authorized_operations=True),
    "OffsetCommit": dict(
        group_id="group-1", generation_id_or_member_epoch=5, member_id="member-1", group_instance_id="instance-1",
        retention_time_ms=86400001,
        topics=[
            dict(name="readings", partitions=[
                dict(partition_index=0, committed_offset=4294967297, committed_leader_epoch=2,
                     committed_metadata="note"),
                dict(partition_index=1, committed_offset=3, committed_leader_epoch=4, committed_metadata=None)]),
            dict(name="alerts", partitions=[]),
        ]),
    "OffsetFetch": dict(
        group_id="group-1", topics=[
            dict(name="readings", partition_indexes=[0, 1]), dict(name="alerts", partition_indexes=[])],
        groups=[
            dict(group_id="group-1", topics=[
                dict(name="readings", partition_indexes=[0, 1]), dict(name="alerts", partition_indexes=[])]),
            dict(group_id="group-2", topics=None),
        ],
        require_stable=True),
    "FindCoordinator": dict(key="group-1", key_type=1, coordinator_keys=["group-1", "group-2"]),
    "JoinGroup": dict(
        group_id="group-1", session_timeout_ms=10001, rebalance_timeout_ms=300001, member_id="member-1",
        group_instance_id="instance-1", protocol_type="consumer",
        protocols=[dict(name="range", metadata=b"\x00\x01\x02"), dict(name="sticky", metadata=b"")],
        reason="rejoining"),
    "Heartbeat": dict(group_id="group-1", generation_id=5, member_id="member-1", group_instance_id="instance-1"),
    "LeaveGroup": dict(
        group_id="group-1", member_id="member-1",
        members=[
            dict(member_id="member-1", group_instance_id="instance-1", reason="shutdown"),
            dict(member_id="member-2", group_instance_id=None, reason=None),
        ]),
    "SyncGroup": dict(
        group_id="group-1", generation_id=5, member_id="member-1", group_instance_id="instance-1",
        protocol_type="consumer", protocol_name="range",
        assignments=[
            dict(member_id="member-1", assignment=b"\x03\x04"), dict(member_id="member-2", assignment=b"")]),
    "DescribeGroups": dict(groups=["group-1", "group-2"], include_authorized_operations=True),
    "ListGroups": dict(states_filter=["Stable", "Empty"]),
    "SaslHandshake": dict(mechanism="SCRAM-SHA-256"),
    "ApiVersions": dict(client_software_name="kafka-python", client_software_version="3.0.12"),
    "CreateTopics": dict(
        topics=[
            dict(name="readings", num_partitions=4, replication_factor=1, assignments=[],
                 configs=[dict(name="retention.ms", value="86400000"), dict(name="cleanup.policy", value=None)]),
            dict(name="alerts", num_partitions=-1, replication_factor=-1,
                 assignments=[dict(partition_index=0, broker_ids=[1, 2])], configs=[]),
        ],
        timeout_ms=15001, validate_only=True),
    "DeleteTopics": dict(
        topics=[dict(name="readings", topic_id=NO_ID), dict(name=None, topic_id=ID2)],
        topic_names=["readings", "alerts"], timeout_ms=15001),
    "DeleteRecords": dict(
        topics=[
            dict(name="readings", partitions=[
                dict(partition_index=0, offset=4294967298), dict(partition_index=1, offset=-1)]),
            dict(name="alerts", partitions=[]),
        ],
        timeout_ms=15001),
    "InitProducerId": dict(
        transactional_id="txn-1", transaction_timeout_ms=60001, producer_id=4294967299, producer_epoch=6),
    "OffsetForLeaderEpoch": dict(
        replica_id=-1,
        topics=[
            dict(topic="readings", partitions=[
                dict(partition=0, current_leader_epoch=3, leader_epoch=2),
                dict(partition=1, current_leader_epoch=5, leader_epoch=4)]),
            dict(topic="alerts", partitions=[]),
        ]),
    "DescribeConfigs": dict(
        resources=[
            dict(resource_type=2, resource_name="readings", configuration_keys=["retention.ms", "segment.bytes"]),
            dict(resource_type=4, resource_name="1", configuration_keys=None),
        ],
        include_synonyms=True, include_documentation=True),
    "AlterConfigs": dict(
        resources=[
            dict(resource_type=2, resource_name="readings", configs=[
                dict(name="retention.ms", value="86400000"), dict(name="cleanup.policy", value=None)]),
            dict(resource_type=4, resource_name="1", configs=[]),
        ],
        validate_only=True),
    "SaslAuthenticate": dict(auth_bytes=b"\x00user\x00secret"),
    "CreatePartitions": dict(
        topics=[
            dict(name="readings", count=8, assignments=[dict(broker_ids=[1, 2]), dict(broker_ids=[])]),
            dict(name="alerts", count=3, assignments=None),
        ],
        timeout_ms=15001, validate_only=True),
    "DeleteGroups": dict(groups_names=["group-1", "group-2"]),
    "IncrementalAlterConfigs": dict(
        resources=[
            dict(resource_type=2, resource_name="readings", configs=[
                dict(name="retention.ms", config_operation=0, value="86400000"),
                dict(name="cleanup.policy", config_operation=1, value=None)]),
            dict(resource_type=4, resource_name="1", configs=[]),
        ],
        validate_only=True),
    "OffsetDelete": dict(
        group_id="group-1",
        topics=[
            dict(name="readings", partitions=[dict(partition_index=0), dict(partition_index=1)]),
            dict(name="alerts", partitions=[]),
        ]),
    "DescribeCluster": dict(include_cluster_authorized_operations=True, endpoint_type=2),
}

RESPONSES = {
    "Produce": dict(
        responses=[
            dict(name="readings", partition_responses=[
                dict(index=0, error_code=0, base_offset=4294967300, log_append_time_ms=1700000000002,
                     log_start_offset=5, record_errors=[], error_message=None),
                dict(index=1, error_code=87, base_offset=-1, log_append_time_ms=-1, log_start_offset=-1,
                     record_errors=[
                         dict(batch_index=2, batch_index_error_message="no key"),
                         dict(batch_index=3, batch_index_error_message=None)],
                     error_message="records without a key")]),
            dict(name="alerts", partition_responses=[]),
        ],
        throttle_time_ms=9),
    "ListOffsets": dict(
        throttle_time_ms=9,
        topics=[
            dict(name="readings", partitions=[
                dict(partition_index=0, error_code=0, timestamp=1700000000003, offset=4294967301, leader_epoch=2),
                dict(partition_index=1, error_code=3, timestamp=-1, offset=-1, leader_epoch=-1)]),
            dict(name="alerts", partitions=[]),
        ]),
    "Metadata": dict(
        throttle_time_ms=9,
        brokers=[
            dict(node_id=1, host="edge.example", port=9092, rack="rack-1"),
            dict(node_id=2, host="10.0.0.2", port=9093, rack=None),
        ],
        cluster_id="Hk3xSlH9T8ezjPqR1yW0Zw", controller_id=1,
        topics=[
            dict(error_code=0, name="readings", topic_id=ID1, is_internal=False, partitions=[
                dict(error_code=0, partition_index=0, leader_id=1, leader_epoch=4, replica_nodes=[1, 2],
                     isr_nodes=[1], offline_replicas=[2]),
                dict(error_code=5, partition_index=1, leader_id=-1, leader_epoch=-1, replica_nodes=[],
                     isr_nodes=[], offline_replicas=[])],
                authorized_operations=264),
            dict(error_code=3, name="missing", topic_id=NO_ID, is_internal=True, partitions=[],
                 authorized_operations=-2147483648),
        ],
        authorized_operations=265),
    "OffsetCommit": dict(
        throttle_time_ms=9,
        topics=[
            dict(name="readings", partitions=[
                dict(partition_index=0, error_code=0), dict(partition_index=1, error_code=12)]),
            dict(name="alerts", partitions=[]),
        ]),
    "JoinGroup": dict(
        throttle_time_ms=9, error_code=0, generation_id=5, protocol_type="consumer", protocol_name="range",
        leader="member-1", skip_assignment=True, member_id="member-2",
        members=[
            dict(member_id="member-1", group_instance_id="instance-1", metadata=b"\x00\x01\x02"),
            dict(member_id="member-2", group_instance_id=None, metadata=b""),
        ]),
    "Heartbeat": dict(throttle_time_ms=9, error_code=27),
    "SyncGroup": dict(
        throttle_time_ms=9, error_code=0, protocol_type="consumer", protocol_name="range", assignment=b"\x03\x04\x05"),
    "DescribeGroups": dict(
        throttle_time_ms=9,
        groups=[
            dict(error_code=0, group_id="group-1", group_state="Stable", protocol_type="consumer",
                 protocol_data="range",
                 members=[
                     dict(member_id="member-1", group_instance_id="instance-1", client_id="client-1",
                          client_host="/10.0.0.3", member_metadata=b"\x00\x01", member_assignment=b"\x02\x03\x04"),
                     dict(member_id="member-2", group_instance_id=None, client_id="client-2",
                          client_host="/10.0.0.4", member_metadata=b"", member_assignment=b"")],
                 authorized_operations=266),
            dict(error_code=16, group_id="group-2", group_state="Dead", protocol_type="", protocol_data="",
                 members=[], authorized_operations=-2147483648),
        ]),
    "ListGroups": dict(
        throttle_time_ms=9, error_code=0,
        groups=[
            dict(group_id="group-1", protocol_type="consumer", group_state="Stable"),
            dict(group_id="group-2", protocol_type="", group_state="Empty"),
        ]),
    "SaslHandshake": dict(error_code=33, mechanisms=["PLAIN", "SCRAM-SHA-256"]),
    "ApiVersions": dict(
        error_code=0,
        api_keys=[
            dict(api_key=0, min_version=3, max_version=9), dict(api_key=18, min_version=1, max_version=4)],
        throttle_time_ms=9),
    "CreateTopics": dict(
        throttle_time_ms=9,
        topics=[
            dict(name="readings", topic_id=ID1, error_code=0, error_message=None, num_partitions=4,
                 replication_factor=1,
                 configs=[
                     dict(name="retention.ms", value="86400000", read_only=False, config_source=1,
                          is_sensitive=False),
                     dict(name="secret", value=None, read_only=True, config_source=5, is_sensitive=True)]),
            dict(name="alerts", topic_id=NO_ID, error_code=36, error_message="is there", num_partitions=-1,
                 replication_factor=-1, configs=[]),
        ]),
    "DeleteTopics": dict(
        throttle_time_ms=9,
        responses=[
            dict(name="readings", topic_id=ID1, error_code=0, error_message=None),
            dict(name="alerts", topic_id=ID2, error_code=3, error_message="not there"),
        ]),
    "DeleteRecords": dict(
        throttle_time_ms=9,
        topics=[
            dict(name="readings", partitions=[
                dict(partition_index=0, low_watermark=4294967302, error_code=0),
                dict(partition_index=1, low_watermark=-1, error_code=1)]),
            dict(name="alerts", partitions=[]),
        ]),
    "InitProducerId": dict(throttle_time_ms=9, error_code=0, producer_id=4294967303, producer_epoch=6),
    "OffsetForLeaderEpoch": dict(
        throttle_time_ms=9,
        topics=[
            dict(topic="readings", partitions=[
                dict(error_code=0, partition=0, leader_epoch=2, end_offset=4294967304),
                dict(error_code=75, partition=1, leader_epoch=-1, end_offset=-1)]),
            dict(topic="alerts", partitions=[]),
        ]),
    "DescribeConfigs": dict(
        throttle_time_ms=9,
        results=[
            dict(error_code=0, error_message=None, resource_type=2, resource_name="readings",
                 configs=[
                     dict(name="retention.ms", value="86400000", read_only=False, config_source=1,
                          is_sensitive=False,
                          synonyms=[
                              dict(name="retention.ms", value="86400000", source=1),
                              dict(name="log.retention.ms", value=None, source=5)],
                          config_type=5, documentation="How long."),
                     dict(name="secret", value=None, read_only=True, config_source=4, is_sensitive=True,
                          synonyms=[], config_type=9, documentation=None)]),
            dict(error_code=3, error_message="not there", resource_type=4, resource_name="1", configs=[]),
        ]),
    "AlterConfigs": dict(
        throttle_time_ms=9,
        responses=[
            dict(error_code=0, error_message=None, resource_type=2, resource_name="readings"),
            dict(error_code=40, error_message="no number", resource_type=4, resource_name="1"),
        ]),
    "SaslAuthenticate": dict(
        error_code=58, error_message="wrong password", auth_bytes=b"\x05\x06", session_lifetime_ms=3600001),
    "CreatePartitions": dict(
        throttle_time_ms=9,
        results=[
            dict(name="readings", error_code=0, error_message=None),
            dict(name="alerts", error_code=37, error_message="has more"),
        ]),
    "DeleteGroups": dict(
        throttle_time_ms=9,
        results=[dict(group_id="group-1", error_code=0), dict(group_id="group-2", error_code=68)]),
    "OffsetDelete": dict(
        error_code=69, throttle_time_ms=9,
        topics=[
            dict(name="readings", partitions=[
                dict(partition_index=0, error_code=0), dict(partition_index=1, error_code=86)]),
            dict(name="alerts", partitions=[]),
        ]),
    "DescribeCluster": dict(
        throttle_time_ms=9, error_code=0, error_message="fine", endpoint_type=2, cluster_id="Hk3xSlH9T8ezjPqR1yW0Zw",
        controller_id=1,
        brokers=[
            dict(broker_id=1, host="edge.example", port=9092, rack="rack-1"),
            dict(broker_id=2, host="10.0.0.2", port=9093, rack=None),
        ],
        authorized_operations=267),
}
RESPONSES["IncrementalAlterConfigs"] = RESPONSES["AlterConfigs"]

# Here the old and the new versions say the same in different shapes.
RESPONSES["FindCoordinator"] = dict(
    throttle_time_ms=9,
    error_code=0, error_message="fine", node_id=1, host="edge.example", port=9092,
    coordinators=[
        dict(key="group-1", node_id=1, host="edge.example", port=9092, error_code=0, error_message="fine"),
        dict(key="group-2", node_id=-1, host="", port=-1, error_code=24, error_message=None),
    ])
RESPONSES["LeaveGroup"] = dict(
    throttle_time_ms=9, error_code=0,
    members=[
        dict(member_id="member-1", group_instance_id="instance-1", error_code=0),
        dict(member_id="member-2", group_instance_id=None, error_code=25),
    ])
_OFFSETS = [
    dict(name="readings", partitions=[
        dict(partition_index=0, committed_offset=4294967305, committed_leader_epoch=2, metadata="note", error_code=0),
        dict(partition_index=1, committed_offset=-1, committed_leader_epoch=-1, metadata=None, error_code=3)]),
    dict(name="alerts", partitions=[]),
]
RESPONSES["OffsetFetch"] = dict(
    throttle_time_ms=9, topics=_OFFSETS, error_code=0,
    groups=[
        dict(group_id="group-1", topics=_OFFSETS, error_code=0),
        dict(group_id="group-2", topics=[], error_code=15),
    ])
RESPONSES["Fetch"] = dict(
    throttle_time_ms=9, error_code=0, session_id=77,
    responses=[
        dict(topic="readings", partitions=[
            dict(partition_index=0, error_code=0, high_watermark=4294967306, last_stable_offset=4294967307,
                 log_start_offset=5, aborted_transactions=[dict(producer_id=6, first_offset=7)],
                 preferred_read_replica=8, records=bytes(range(200))),
            dict(partition_index=1, error_code=1, high_watermark=11, last_stable_offset=12, log_start_offset=13,
                 diverging_epoch=dict(epoch=2, end_offset=14), current_leader=dict(leader_id=1, leader_epoch=3),
                 aborted_transactions=None, preferred_read_replica=-1, records=b"")]),
        dict(topic="alerts", partitions=[
            dict(partition_index=2, error_code=0, high_watermark=15, last_stable_offset=16, log_start_offset=17,
                 aborted_transactions=[], preferred_read_replica=-1, records=b"\xff\x00\xff")]),
    ])
