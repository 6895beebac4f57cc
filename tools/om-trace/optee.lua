-- SPDX-License-Identifier: BSD-2-Clause
--
-- Wireshark's and tshark's dissector of what `om-trace pcapng` writes: a guest's conversation
-- with OP-TEE at both sides of the mediator. `om-trace dissector` prints it with all names in it:
--
--	om-trace dissector -o optee.lua
--	wireshark -X lua_script:optee.lua FILE.pcapng
--
-- A packet is a head (struct packet_head in wireshark.c) and parts. Requests are linked with
-- their responses by the CPU, as a CPU is in one SMC at a time; an RPC with its answer by the
-- id in a3; and whatever belongs to one call of the guest, at both sides, has optee.call.

local names = {}
--NAMES--

local HEAD, PARAM = 48, 32
local PART_MESSAGE, PART_ARGUMENT, PART_REFUSED = 1, 2, 3
local RETURN_FROM_RPC, RPC_PREFIX, UNKNOWN_FUNCTION = 0x32000003, 0xffff0000, 0xffffffff
local CALL_WITH_ARG, CALL_WITH_RPC_ARG, CALL_WITH_REGD_ARG = 0x32000004, 0x32000012, 0x32000013
local OPEN_SESSION, ANSWERS_IN_A0 = 0, { [0xbf00ff01] = true, [0xbf00ff03] = true }

local optee = Proto("optee", "OP-TEE conversation through a mediator")
local f = {
	side = ProtoField.uint8("optee.side", "Side", base.DEC, { [0] = "guest", "OP-TEE" }),
	is_return = ProtoField.bool("optee.return", "Return"),
	cpu = ProtoField.uint8("optee.cpu", "CPU"),
	guest = ProtoField.uint32("optee.guest", "Guest"),
	vcpu = ProtoField.uint32("optee.vcpu", "vCPU"),
	record = ProtoField.uint32("optee.record", "Record of the recording"),
	func_id = ProtoField.uint32("optee.fid", "Function", base.HEX, names.fid),
	status = ProtoField.uint32("optee.status", "Status", base.HEX, names.status),
	rpc = ProtoField.uint32("optee.rpc", "RPC", base.HEX, names.rpc),
	address = ProtoField.uint64("optee.address", "Address of the message", base.HEX),
	id = ProtoField.uint32("optee.id", "Id of the call", base.HEX),
	client = ProtoField.uint32("optee.client", "Client"),
	call = ProtoField.framenum("optee.call", "Call begins in"),
	request = ProtoField.framenum("optee.request_in", "Request in", base.NONE, frametype.REQUEST),
	response = ProtoField.framenum("optee.response_in", "Response in", base.NONE,
		frametype.RESPONSE),
	time = ProtoField.relative_time("optee.time", "Time since the request"),
	rpc_in = ProtoField.framenum("optee.rpc_in", "Answers the RPC in", base.NONE,
		frametype.REQUEST),
	answer_in = ProtoField.framenum("optee.answer_in", "RPC is answered in", base.NONE,
		frametype.RESPONSE),
	refused = ProtoField.string("optee.refused", "Refused"),
	message = ProtoField.bytes("optee.message", "Message"),
	cmd = ProtoField.uint32("optee.cmd", "Command", base.DEC, names.command),
	argument = ProtoField.bytes("optee.argument", "RPC argument"),
	rpc_cmd = ProtoField.uint32("optee.rpc_cmd", "RPC command", base.DEC, names.rpc_command),
	func = ProtoField.uint32("optee.func", "Function of the TA", base.HEX),
	session = ProtoField.uint32("optee.session", "Session", base.HEX),
	cancel_id = ProtoField.uint32("optee.cancel_id", "Cancel id", base.HEX),
	ret = ProtoField.uint32("optee.ret", "Result", base.HEX, names.teec),
	origin = ProtoField.uint32("optee.ret_origin", "Origin", base.DEC, names.origin),
	num_params = ProtoField.uint32("optee.num_params", "Parameters"),
	param = ProtoField.bytes("optee.param", "Parameter"),
	attr = ProtoField.uint64("optee.param.attr", "Attributes", base.HEX),
	kind = ProtoField.uint8("optee.param.type", "Type", base.HEX, names.attr),
	meta = ProtoField.bool("optee.param.meta", "Meta"),
	noncontig = ProtoField.bool("optee.param.noncontig", "Page list"),
	a = ProtoField.uint64("optee.param.a", "a", base.HEX),
	b = ProtoField.uint64("optee.param.b", "b", base.HEX),
	c = ProtoField.uint64("optee.param.c", "c", base.HEX),
	buf_ptr = ProtoField.uint64("optee.param.buf_ptr", "Address", base.HEX),
	offs = ProtoField.uint64("optee.param.offs", "Offset", base.HEX),
	size = ProtoField.uint64("optee.param.size", "Size"),
	shm_ref = ProtoField.uint64("optee.param.shm_ref", "Cookie", base.HEX),
	ta = ProtoField.string("optee.ta", "TA"),
	client_uuid = ProtoField.string("optee.client_uuid", "Client"),
	login = ProtoField.uint64("optee.login", "Login", base.HEX, names.login),
}
for i = 0, 7 do
	f["a" .. i] = ProtoField.uint32("optee.a" .. i, "a" .. i, base.HEX)
end
local fields = {}
for _, field in pairs(f) do
	fields[#fields + 1] = field
end
optee.fields = fields

local expert_refused = ProtoExpert.new("optee.refused.expert", "The mediator refused this",
	expert.group.RESPONSE_CODE, expert.severity.WARN)
optee.experts = { expert_refused }

-- What is known of frames: filled when a file is read for the first time, in order.
local linked, open, calls, waiting

function optee.init()
	linked, open, calls, waiting = {}, {}, {}, {}
end

local function is_rpc(a0)
	return bit.band(a0, 0xffff0000) == bit.tobit(RPC_PREFIX) and a0 ~= UNKNOWN_FUNCTION
end

local function is_call(a0)
	return a0 == CALL_WITH_ARG or a0 == CALL_WITH_RPC_ARG or a0 == CALL_WITH_REGD_ARG
end

local function link_request(number, me, h)
	local asked = h.a[0] == RETURN_FROM_RPC and waiting[h.side .. "/" .. h.guest .. "/" .. h.a[3]]
	if asked then
		me.rpc_in = asked.number
		linked[asked.number].answer_in = number
		me.call = asked.call
		waiting[h.side .. "/" .. h.guest .. "/" .. h.a[3]] = nil
	elseif h.side == 0 and is_call(h.a[0]) then
		me.call = number
	end
	-- What is asked of OP-TEE is asked for the call that the CPU is in.
	if h.side == 0 then
		calls[h.cpu] = me.call
	else
		me.call = calls[h.cpu]
	end
	open[h.side .. "/" .. h.cpu] = { number = number, time = h.time, a0 = h.a[0] }
end

local function link_response(number, me, h)
	local asked = open[h.side .. "/" .. h.cpu]
	me.call = calls[h.cpu]
	if asked then
		me.request, me.time, me.asked = asked.number, h.time - asked.time, asked.a0
		linked[asked.number].response = number
		open[h.side .. "/" .. h.cpu] = nil
	end
	if is_rpc(h.a[0]) then
		waiting[h.side .. "/" .. h.guest .. "/" .. h.a[3]] = { number = number, call = me.call }
	end
	if h.side == 0 then
		calls[h.cpu] = nil
	end
end

local function uuid_of(range)
	local s = range:bytes():tohex(true)
	return string.format("%s-%s-%s-%s-%s", s:sub(1, 8), s:sub(9, 12), s:sub(13, 16),
		s:sub(17, 20), s:sub(21, 32))
end

-- One of four things, by the lowest byte of the attribute.
local function dissect_param(range, tree, index, opens)
	local kind, flags = range(0, 1):uint(), range(1, 1):uint()
	local is_meta = bit.band(flags, 1) ~= 0
	local t = tree:add(f.param, range)
	t:set_text(string.format("Parameter %d: %s", index, names.attr[kind] or "?"))
	t:add_le(f.attr, range(0, 8))
	t:add(f.kind, range(0, 1))
	t:add(f.meta, range(1, 1), is_meta)
	t:add(f.noncontig, range(1, 1), bit.band(flags, 2) ~= 0)
	if is_meta and opens and index == 0 then
		t:add(f.ta, range(8, 16), uuid_of(range(8, 16)))
		tree:append_text(", TA " .. uuid_of(range(8, 16)))
	elseif is_meta and opens then
		t:add(f.client_uuid, range(8, 16), uuid_of(range(8, 16)))
		t:add_le(f.login, range(24, 8))
	elseif kind >= 1 and kind <= 3 then
		t:add_le(f.a, range(8, 8))
		t:add_le(f.b, range(16, 8))
		t:add_le(f.c, range(24, 8))
	elseif kind ~= 0 then
		t:add_le(kind >= 9 and f.buf_ptr or f.offs, range(8, 8))
		t:add_le(f.size, range(16, 8))
		t:add_le(f.shm_ref, range(24, 8))
	end
end

local function dissect_message(range, tree, is_argument)
	local cmd = range(0, 4):le_uint()
	local table = is_argument and names.rpc_command or names.command
	local name = table[cmd] or string.format("command %d", cmd)
	local t = tree:add(is_argument and f.argument or f.message, range)
	t:set_text((is_argument and "RPC argument: " or "Message: ") .. name)
	t:add_le(is_argument and f.rpc_cmd or f.cmd, range(0, 4))
	t:add_le(f.func, range(4, 4))
	t:add_le(f.session, range(8, 4))
	t:add_le(f.cancel_id, range(12, 4))
	t:add_le(f.ret, range(20, 4))
	t:add_le(f.origin, range(24, 4))
	t:add_le(f.num_params, range(28, 4))
	local at, index = 32, 0
	while at + PARAM <= range:len() do
		dissect_param(range(at, PARAM), t, index, not is_argument and cmd == OPEN_SESSION)
		at, index = at + PARAM, index + 1
	end
	return name, range(20, 4):le_uint()
end

-- What the registers say; what they mean depends on what was called.
local function dissect_registers(buffer, tree, h, me)
	local a0 = buffer(16, 4)
	local what
	if not h.is_return then
		tree:add_le(f.func_id, a0)
		what = names.fid[h.a[0]] or string.format("function 0x%x", h.a[0])
		if is_call(h.a[0]) and h.a[0] ~= CALL_WITH_REGD_ARG then
			tree:add(f.address, buffer(20, 8), UInt64(h.a[2], h.a[1]))
		end
	elseif is_rpc(h.a[0]) then
		tree:add_le(f.rpc, a0)
		what = "RPC " .. (names.rpc[h.a[0]] or "?")
	elseif ANSWERS_IN_A0[me.asked] then
		what = "answer"
	elseif me.asked == h.a[0] then
		what = "not for OP-TEE"
	else
		tree:add_le(f.status, a0)
		what = names.status[h.a[0]] or string.format("status 0x%x", h.a[0])
	end
	if h.a[0] == RETURN_FROM_RPC or (h.is_return and is_rpc(h.a[0])) then
		tree:add_le(f.id, buffer(28, 4)):append_text(h.side == 0 and " (as the guest knows it)" or
			" (OP-TEE's thread)")
	end
	if h.side == 1 and not h.is_return then
		tree:add_le(f.client, buffer(44, 4))
	end
	for i = 0, h.is_return and 3 or 7 do
		tree:add_le(f["a" .. i], buffer(16 + 4 * i, 4))
	end
	return what
end

local function dissect_links(tree, me)
	local function add(field, value)
		if value then
			tree:add(field, value):set_generated()
		end
	end
	add(f.call, me.call)
	add(f.request, me.request)
	add(f.response, me.response)
	add(f.rpc_in, me.rpc_in)
	add(f.answer_in, me.answer_in)
	if me.time then
		local ns = math.floor(me.time * 1e9 + 0.5)
		tree:add(f.time, NSTime(math.floor(ns / 1e9), ns % 1e9)):set_generated()
	end
end

local function dissect_parts(buffer, tree, is_return)
	local info, at = "", HEAD
	while at + 8 <= buffer:len() do
		local kind, len = buffer(at, 4):le_uint(), buffer(at + 4, 4):le_uint()
		at = at + 8
		if len == 0 or at + len > buffer:len() then
			break
		end
		local range = buffer(at, len)
		if kind == PART_REFUSED then
			tree:add(f.refused, range)
			tree:add_proto_expert_info(expert_refused, range:string())
			info = info .. ", " .. range:string()
		elseif (kind == PART_MESSAGE or kind == PART_ARGUMENT) and len >= 32 then
			local name, ret = dissect_message(range, tree, kind == PART_ARGUMENT)
			info = info .. ", " .. name
			-- Before there is a result, something else is where it will be.
			if ret ~= 0 and (kind == PART_MESSAGE) == is_return then
				info = info .. " " .. (names.teec[ret] or string.format("0x%x", ret))
			end
		end
		at = at + len
	end
	return info
end

function optee.dissector(buffer, pinfo, root)
	if buffer:len() < HEAD or buffer(0, 1):uint() ~= 1 then
		return 0
	end
	local h = { side = buffer(1, 1):uint(), is_return = buffer(2, 1):uint() ~= 0,
		cpu = buffer(3, 1):uint(), guest = buffer(4, 4):le_uint(), a = {},
		time = pinfo.abs_ts }
	for i = 0, 7 do
		h.a[i] = buffer(16 + 4 * i, 4):le_uint()
	end
	local me = linked[pinfo.number]
	if not me then
		me = {}
		linked[pinfo.number] = me
		if h.is_return then
			link_response(pinfo.number, me, h)
		else
			link_request(pinfo.number, me, h)
		end
	end
	local tree = root:add(optee, buffer())
	tree:add(f.side, buffer(1, 1))
	tree:add(f.is_return, buffer(2, 1), h.is_return)
	tree:add_le(f.guest, buffer(4, 4))
	tree:add_le(f.vcpu, buffer(8, 4))
	tree:add(f.cpu, buffer(3, 1))
	tree:add_le(f.record, buffer(12, 4))
	local what = dissect_registers(buffer, tree, h, me)
	dissect_links(tree, me)
	local info = dissect_parts(buffer, tree, h.is_return)
	local guest = h.guest == 0 and "host" or
		string.format("guest %d vCPU %d", h.guest, buffer(8, 4):le_uint())
	local other = h.side == 0 and guest or "OP-TEE"
	pinfo.cols.protocol = "OP-TEE"
	pinfo.cols.src = (h.side == 0) == (not h.is_return) and other or "mediator"
	pinfo.cols.dst = (h.side == 0) == (not h.is_return) and "mediator" or other
	pinfo.cols.info = (h.side == 1 and guest .. ": " or "") .. what .. info
	tree:append_text(", " .. (h.is_return and "return: " or "SMC: ") .. what .. info)
	return buffer:len()
end

-- A link type that nobody registers: see wireshark.c.
DissectorTable.get("wtap_encap"):add((wtap_encaps or wtap).USER0, optee)
