using System.Collections;
using System.Reflection;
using Metering.Agent.Accounting;
using Metering.Agent.Workloads;
using Xunit;

namespace Metering.Tests.Accounting;

/// <summary>Objects that stand for one cgroup after the other: nothing of the former may be left.</summary>
public sealed class SpareNodeTests
{
    private static readonly Workload Former = new() { Kind = "raw", Id = "former", Name = "former", Path = "/former" };
    private static readonly Workload Next = new() { Kind = "raw", Id = "next", Name = "next", Path = "/next" };

    [Fact]
    public void A_node_that_became_another_is_as_if_it_had_been_made_for_it()
    {
        var parent = new CgroupNode(1, "/", null, Former);
        var used = new CgroupNode(2, "/former", parent, Former);
        Spoil(used);

        used.Become(3, "/next", parent, Next);

        AssertSame(new CgroupNode(3, "/next", parent, Next), used);
    }

    [Fact]
    public void States_that_were_cleared_are_as_if_they_had_been_made_anew()
    {
        var (slow, memory, io, pids) = (new SlowState(), new MemoryState(), new IoState(), new PeakState());
        foreach (var state in new object[] { slow, memory, io, pids }) Spoil(state);
        io.Last[(1, 2)] = default;

        slow.Clear();
        memory.Clear();
        io.Clear();
        pids.Clear();

        AssertSame(new SlowState(), slow);
        AssertSame(new MemoryState(), memory);
        AssertSame(new IoState(), io);
        AssertSame(new PeakState(), pids);
    }

    // Every field that can be set gets a value that no fresh object has.
    private static void Spoil(object target)
    {
        foreach (var field in Fields(target))
        {
            var value = field.GetValue(target);
            if (value is Array array)
            {
                for (var i = 0; i < array.Length; i++) array.SetValue(SpoiltStruct(array.GetValue(i)!), i);
                continue;
            }

            if (!field.IsInitOnly && Other(field.FieldType, value) is { } other) field.SetValue(target, other);
        }
    }

    private static object SpoiltStruct(object boxed)
    {
        foreach (var field in Fields(boxed))
        {
            if (Other(field.FieldType, field.GetValue(boxed)) is { } other) field.SetValue(boxed, other);
        }

        return boxed;
    }

    private static object? Other(Type type, object? value) => type switch
    {
        _ when type == typeof(bool) => !(bool)value!,
        _ when type == typeof(int) => (int)value! + 7,
        _ when type == typeof(uint) => (uint)value! ^ 7,
        _ when type == typeof(long) => (long)value! + 7,
        _ when type == typeof(ulong) => (ulong)value! ^ 7,
        _ when type == typeof(UInt128) => (UInt128)value! + 7,
        _ when type.IsEnum => Enum.ToObject(type, Convert.ToInt32(value, System.Globalization.CultureInfo.InvariantCulture) + 1),
        _ when type == typeof(Account) => SpoiltStruct(new Account()),
        _ when type == typeof(byte[]) => new byte[3],
        _ when type.IsClass && type.GetConstructor([]) is { } make => make.Invoke([]),
        _ => null,
    };

    private static void AssertSame(object expected, object actual)
    {
        foreach (var field in Fields(expected))
        {
            var (fresh, cleared) = (field.GetValue(expected), field.GetValue(actual));
            if (fresh is ICollection items && fresh is not Array) Assert.True(items.Count == 0 && ((ICollection)cleared!).Count == 0, field.Name);
            else Assert.True(fresh is Array left ? left.Cast<object>().SequenceEqual(((Array)cleared!).Cast<object>()) : Equals(fresh, cleared), $"{expected.GetType().Name}.{field.Name}: {cleared} instead of {fresh}");
        }
    }

    private static FieldInfo[] Fields(object target) => target.GetType().GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
}
