using Metering.Agent.Workloads;
using Xunit;

namespace Metering.Tests.Workloads;

public sealed class SplitUnitsTests : IDisposable
{
    private static readonly string Payload = "/libpod-payload-" + new string('a', 64);
    private readonly string _root = Directory.CreateTempSubdirectory("metering-units-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("/run/systemd/generator/web.service", "/system.slice/web.service")]
    [InlineData("/run/systemd/transient/web.service", "/system.slice/web.service")]
    [InlineData("/etc/systemd/system/web@.service", "/system.slice/system-web.slice/web@blue.service")]
    [InlineData("/run/user/1000/systemd/generator/web.service", "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service")]
    public void A_unit_and_its_payload_are_one_workload(string file, string path)
    {
        Write(file, "[Service]\nExecStart=\"/usr/bin/podman\" \"run\" \"--cgroups=split\" \"image\"\n");
        var units = new SplitUnits(new WorkloadRecogniser().Recognise, _root);
        var (unit, payload) = (units.Recognise(path), units.Recognise(path + Payload));

        Assert.Equal(("podman", path, true), (unit.Kind, unit.Id, unit.Whole));
        Assert.Equal((payload.Kind, payload.Id, payload.Name, payload.User), (unit.Kind, unit.Id, unit.Name, unit.User));
    }

    [Fact]
    public void Another_service_is_a_service()
    {
        Write("/etc/systemd/system/web.service", "[Service]\nExecStart=/usr/bin/podman run --cgroups=no-conmon image\n");
        Write("/usr/lib/systemd/system/web.service", "[Service]\nExecStart=/usr/bin/podman run --cgroups=split image\n");
        var units = new SplitUnits(new WorkloadRecogniser().Recognise, _root);

        Assert.Equal("systemd-service", units.Recognise("/system.slice/web.service").Kind);
        Assert.Equal("systemd-service", units.Recognise("/system.slice/unknown.service").Kind);
    }

    [Fact]
    public void A_daemon_that_holds_workloads_of_others_stays_what_it_is()
    {
        Write("/etc/systemd/system/podman.service", "[Service]\nExecStart=/usr/bin/podman system service # --cgroups=split\n");

        Assert.False(new SplitUnits(new WorkloadRecogniser().Recognise, _root).Recognise("/system.slice/podman.service").Whole);
        Assert.Equal("systemd-service", new SplitUnits(new WorkloadRecogniser().Recognise, _root).Recognise("/system.slice/podman.service").Kind);
    }

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_root + file)!);
        File.WriteAllText(_root + file, text);
    }
}
