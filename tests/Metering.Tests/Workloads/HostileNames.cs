using System.Text;

namespace Metering.Tests.Workloads;

/// <summary>Paths that somebody who may make cgroups, but wishes us ill, could make. The same seed gives the same paths.</summary>
internal sealed class HostileNames(int seed)
{
    private static readonly string[] Pieces =
    [
        "\n", "\r", "\t", "\"", "\\", "'", "..", ".", " ", "{", "}", "$", "*", "?", "(", "[", "\\x", "\\x2", "\\x2d", "\\xff", "\\xc3",
        "\\xc3\\xa9", "\\xzz", "\\x2f", "\\x00", "\\x0a",
        "\uD800", "\uDC00", "\u202E", "\uFFFD", "é", "😀", "\0", "\u001b[2J", ":", "@", "-", "_", "=", ",", "0", "job_", "step_", "docker-",
        "docker", "libpod-", "libpod_pod_", "crio-conmon-",
        "kubepods", "kubepods-burstable-pod", "pod", "user-", "user@", "1000", "99999999999999999999", "machine-qemu\\x2d", "machine.slice",
        "lxc", "lxc.payload.", "lxc.monitor.", "slurmstepd.scope",
        "s5K1KKYAYG5D00", "htcondor", "nomad.slice", "ecs", "mesos", "firecracker", "app-flatpak-", "snap.", "hook.", ".slice", ".service",
        ".scope", ".mount", ":cri-containerd:",
        "4a1e0b6f0d1c2b3a49586776859403122130eeddccbbaa998877665544332211", "2fc932ce-fdcc-454b-97bd-aadfdeb4c340",
        "2fc932ce_fdcc_454b_97bd_aadfdeb4c340", "0123456789abcdef0123456789abcdef",
    ];

    private readonly Random _random = new(seed);

    public string Next()
    {
        var path = new StringBuilder();
        for (var components = _random.Next(1, 12); components > 0; components--)
        {
            path.Append('/');
            var start = path.Length;
            if (_random.Next(20) == 0) path.Append((char)_random.Next(1, 0xFFFF), 255);
            for (var pieces = _random.Next(1, 6); pieces > 0 && path.Length - start < 255; pieces--) path.Append(Pieces[_random.Next(Pieces.Length)]);
        }

        return path.ToString();
    }
}
