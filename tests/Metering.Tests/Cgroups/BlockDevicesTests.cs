using System.Diagnostics;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Xunit;

namespace Metering.Tests.Cgroups;

/// <summary>Which layer of stacked devices is billed, on made trees of the shape of <c>/sys/dev/block</c>, and on a real stacked device where one can be made.</summary>
public sealed class BlockDevicesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("metering-block-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Only_the_bottom_of_stacked_devices_is_billed()
    {
        Device(8, 0);
        Device(8, 16);
        Device(259, 0);                              // nvme0n1, the head of a multipath device
        Device(253, 0, "sda2");                      // LVM on a partition
        Device(253, 1, "dm-0");                      // LUKS on LVM
        Device(9, 127, "sda1", "sdb1");              // md RAID
        Device(252, 0, "sdb", "nvme0n1");            // bcache: backing and caching device
        Device(7, 0);
        Directory.CreateDirectory(Directory_(7, 0) + "/loop");
        File.WriteAllText(Directory_(7, 0) + "/loop/backing_file", "/var/lib/disk.img\n");
        var devices = new BlockDevices(_root);

        Assert.Equal([true, true, true], new[] { Number(8, 0), Number(8, 16), Number(259, 0) }.Select(devices.IsBottomLayer));
        Assert.Equal([false, false, false, false, false], new[] { Number(253, 0), Number(253, 1), Number(9, 127), Number(252, 0), Number(7, 0) }.Select(devices.IsBottomLayer));
    }

    [Fact]
    public void A_number_that_another_device_takes_over_is_looked_at_anew_and_one_that_is_gone_stays_what_it_was()
    {
        Device(253, 3, "sda");
        Device(8, 32);
        var devices = new BlockDevices(_root);
        Assert.False(devices.IsBottomLayer(Number(253, 3)));
        Assert.True(devices.IsBottomLayer(Number(8, 32)));

        Directory.Delete(Directory_(253, 3), recursive: true);
        devices.Forget();
        Assert.False(devices.IsBottomLayer(Number(253, 3)));

        Device(253, 3);
        Device(8, 32, "sdz");
        Assert.False(devices.IsBottomLayer(Number(253, 3)));
        devices.Forget();
        Assert.True(devices.IsBottomLayer(Number(253, 3)));
        Assert.False(devices.IsBottomLayer(Number(8, 32)));
    }

    [Fact]
    public void A_hidden_path_of_nvme_is_no_malformed_line_and_bills_nothing_twice()
    {
        Device(259, 0);
        Device(253, 0, "nvme0n1");
        var cgroups = _root + "/tree";
        Directory.CreateDirectory(cgroups + "/a");
        File.WriteAllText(cgroups + "/cgroup.controllers", "io\n");
        File.WriteAllText(cgroups + "/cgroup.type", "domain\n");
        foreach (var path in new[] { "", "/a" })
        {
            File.WriteAllText(cgroups + path + "/cpu.stat", "usage_usec 1\n");
            Io(0);
        }

        using var tree = new KernelTree(cgroups);
        var counters = new PassCounters();
        var options = new PassOptions(Prune: false, Memory: false, Pids: false, Slow: false);
        var meterer = new Meterer(tree, Raw, options, new V2Source(tree, options, counters, new BlockDevices(_root)), counters);
        meterer.Run(10_000_000);
        Io(4096);
        meterer.Run(20_000_000);

        Assert.Equal(4096UL, meterer.Nodes.Single(node => node.Path == "/a").Io!.Accounts[0].Own);
        Assert.Equal(0, counters.Malformed);
        meterer.CloseAll();

        void Io(int bytes)
        {
            foreach (var path in new[] { "", "/a" })
            {
                File.WriteAllText(cgroups + path + "/io.stat", $"259:0 rbytes={bytes} wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n253:0 rbytes={bytes} wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n(unknown) rbytes={bytes} wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n");
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    public void A_controller_that_was_toggled_between_passes_is_another_life_also_without_a_kept_descriptor(int kept)
    {
        var cgroups = _root + "/tree";
        Directory.CreateDirectory(cgroups + "/a");
        File.WriteAllText(cgroups + "/cgroup.controllers", "io\n");
        File.WriteAllText(cgroups + "/cgroup.type", "domain\n");
        foreach (var path in new[] { "", "/a" }) File.WriteAllText(cgroups + path + "/cpu.stat", "usage_usec 1\n");
        Io(1000, anew: false);
        using var tree = new KernelTree(cgroups);
        var counters = new PassCounters();
        var options = new PassOptions(Prune: false, Memory: false, Pids: false, Slow: false, KeptDescriptors: kept);
        Meterer New() => new(tree, Raw, options, new V2Source(tree, options, counters, new BlockDevices(_root)), counters);
        var meterer = New();
        meterer.Run(10_000_000);
        Io(1500, anew: false);
        meterer.Run(20_000_000);
        meterer.Journalled();
        Assert.Equal(500UL, Billed(meterer));

        // The counters have passed their old standing again, so only the file itself tells. A descriptor that was kept would say ENODEV, which no file of a disk does.
        if (kept == 0)
        {
            Io(2000, anew: true);
            meterer.Run(30_000_000);
            Assert.Equal(2500UL, Billed(meterer));
            meterer.Journalled();
        }

        // Toggled while the agent was down.
        var before = Billed(meterer);
        var stored = new ProtoBuffer();
        foreach (var node in meterer.Nodes) StateCodec.WriteNode(stored, node);
        meterer.CloseAll();
        Io(7000, anew: true);
        meterer = New();
        meterer.Restore(StateCodec.Replay([stored.ToArray()], Raw));
        meterer.Run(40_000_000);
        Assert.Equal(before + 7000, Billed(meterer));
        meterer.CloseAll();

        static ulong Billed(Meterer meterer) => meterer.Nodes.Single(node => node.Path == "/a").Io!.Accounts[0].Own;

        void Io(int bytes, bool anew)
        {
            foreach (var path in new[] { "", "/a" })
            {
                // The former file stays under another name, so that the new one can not have its inode.
                if (anew) File.Move(cgroups + path + "/io.stat", $"{_root}/former-{Guid.CreateVersion7():N}");
                File.WriteAllText(cgroups + path + "/io.stat", $"8:0 rbytes={bytes} wbytes=0 rios=1 wios=0\n");
            }
        }
    }

    [Fact]
    public void A_real_linear_device_on_a_loop_on_a_file_is_not_billed()
    {
        var image = _root + "/image";
        using (var file = File.Create(image)) file.SetLength(8 << 20);
        var loop = Run("losetup", $"--find --show {image}");
        if (loop is null) Assert.Skip("No loop device can be made here.");
        var name = "metering-" + Guid.CreateVersion7().ToString("N");
        try
        {
            var devices = new BlockDevices();
            Assert.False(devices.IsBottomLayer(Of(File.ReadAllText($"/sys/class/block/{Path.GetFileName(loop)}/dev"))));
            if (Run("dmsetup", $"create {name} --table \"0 8192 linear {loop} 0\"") is null) Assert.Skip("The loop device is not billed; there is no device mapper here for one above it.");
            Assert.False(devices.IsBottomLayer(Of(Run("dmsetup", $"info -c --noheadings --separator : -o major,minor {name}")!)));
        }
        finally
        {
            Run("dmsetup", $"remove {name}");
            Run("losetup", $"-d {loop}");
        }
    }

    private static ulong Number(uint major, uint minor) => ((ulong)major << 32) | minor;

    private static ulong Of(string text)
    {
        var parts = text.Trim().Split(':');
        return Number(uint.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture), uint.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture));
    }

    private string Directory_(int major, int minor) => $"{_root}/{major}:{minor}";

    private void Device(int major, int minor, params string[] below)
    {
        Directory.CreateDirectory(Directory_(major, minor) + "/slaves");
        foreach (var one in below) Directory.CreateDirectory($"{Directory_(major, minor)}/slaves/{one}");
    }

    private static Workload Raw(string path) => new() { Kind = WorkloadKinds.Raw, Id = path, Name = path, Path = path };

    // The first line of what it printed; null when it is not there or failed.
    private static string? Run(string program, string arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
            var text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? text.Trim() : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
