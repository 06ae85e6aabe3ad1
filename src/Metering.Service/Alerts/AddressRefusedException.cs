namespace Metering.Service.Alerts;

/// <summary>A connection that the address policy forbids. The message is for the tenant; the detail, with the address, is for the operator's log.</summary>
internal sealed class AddressRefusedException(string message, string detail) : IOException(message)
{
    public string Detail => detail;
}
