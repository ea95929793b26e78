//! Volumes. Those that are refused here are read as well, so as to be refused, not overlooked.

use k8s_openapi::api::core::v1 as api;
use k8s_pb::api::core::v1 as pb;

use super::wire::{Corrupt, Wire, wire};

wire! {
    ObjectFieldSelector { api_version, field_path };
    ResourceFieldSelector { container_name, divisor, resource };
    LocalObjectReference { name };
    AwsElasticBlockStoreVolumeSource as AWSElasticBlockStoreVolumeSource {
        fs_type, partition, read_only, volume_id,
    };
    AzureDiskVolumeSource { disk_name, disk_uri } keeps { caching_mode, fs_type, kind, read_only };
    AzureFileVolumeSource { read_only, secret_name, share_name };
    CephFsVolumeSource as CephFSVolumeSource {
        monitors, path, read_only, secret_file, secret_ref, user,
    };
    CinderVolumeSource { fs_type, read_only, secret_ref, volume_id };
    KeyToPath { key, path } keeps { mode };
    ConfigMapVolumeSource { items } keeps { default_mode, optional }
        within local_object_reference { name };
    CSIVolumeSource { driver, node_publish_secret_ref, volume_attributes }
        keeps { fs_type, read_only };
    DownwardAPIVolumeFile { field_ref, path, resource_field_ref } keeps { mode };
    DownwardAPIVolumeSource { items } keeps { default_mode };
    EmptyDirVolumeSource { medium, size_limit };
    TypedLocalObjectReference { kind, name } keeps { api_group };
    TypedObjectReference { kind, name } keeps { api_group, namespace };
    VolumeResourceRequirements { limits, requests };
    PersistentVolumeClaimSpec {
        access_modes, data_source, data_source_ref, resources, selector, volume_name,
    } keeps { storage_class_name, volume_attributes_class_name, volume_mode };
    PersistentVolumeClaimTemplate { metadata, spec };
    EphemeralVolumeSource { volume_claim_template };
    FcVolumeSource as FCVolumeSource { fs_type, read_only, wwids } keeps { lun }
        renames { target_wwns = target_ww_ns };
    FlexVolumeSource { driver, fs_type, options, read_only, secret_ref };
    FlockerVolumeSource { dataset_name, dataset_uuid };
    GcePersistentDiskVolumeSource as GCEPersistentDiskVolumeSource {
        fs_type, partition, pd_name, read_only,
    };
    GitRepoVolumeSource { directory, repository, revision };
    GlusterfsVolumeSource { endpoints, path, read_only };
    HostPathVolumeSource { path } renames { type_ = r#type };
    ImageVolumeSource { pull_policy, reference };
    IscsiVolumeSource as ISCSIVolumeSource {
        chap_auth_discovery, chap_auth_session, fs_type, iqn, iscsi_interface, lun, portals,
        read_only, secret_ref, target_portal,
    } keeps { initiator_name };
    NfsVolumeSource as NFSVolumeSource { path, read_only, server };
    PersistentVolumeClaimVolumeSource { claim_name, read_only };
    PhotonPersistentDiskVolumeSource { fs_type, pd_id };
    PortworxVolumeSource { fs_type, read_only, volume_id };
    ClusterTrustBundleProjection { label_selector, path } keeps { name, optional, signer_name };
    ConfigMapProjection { items } keeps { optional } within local_object_reference { name };
    DownwardAPIProjection { items };
    PodCertificateProjection {
        certificate_chain_path, credential_bundle_path, key_path, key_type, signer_name,
        user_annotations,
    } keeps { max_expiration_seconds };
    SecretProjection { items } keeps { optional } within local_object_reference { name };
    ServiceAccountTokenProjection { audience, path } keeps { expiration_seconds };
    VolumeProjection {
        cluster_trust_bundle, config_map, downward_api, pod_certificate, secret,
        service_account_token,
    };
    ProjectedVolumeSource { sources } keeps { default_mode };
    QuobyteVolumeSource { group, read_only, registry, tenant, user, volume };
    RbdVolumeSource as RBDVolumeSource {
        fs_type, image, keyring, monitors, pool, read_only, secret_ref, user,
    };
    ScaleIoVolumeSource as ScaleIOVolumeSource {
        fs_type, gateway, protection_domain, read_only, secret_ref, ssl_enabled, storage_mode,
        storage_pool, system, volume_name,
    };
    SecretVolumeSource { items, secret_name } keeps { default_mode, optional };
    StorageOsVolumeSource as StorageOSVolumeSource {
        fs_type, read_only, secret_ref, volume_name, volume_namespace,
    };
    VsphereVirtualDiskVolumeSource { fs_type, storage_policy_id, storage_policy_name, volume_path };
    Volume { name }
        within volume_source {
            aws_elastic_block_store, azure_disk, azure_file, cephfs, cinder, config_map, csi,
            downward_api, empty_dir, ephemeral, fc, flex_volume, flocker, gce_persistent_disk,
            git_repo, glusterfs, host_path, image, iscsi, nfs, persistent_volume_claim,
            photon_persistent_disk, portworx_volume, projected, quobyte, rbd, scale_io, secret,
            storageos, vsphere_volume,
        };
}
